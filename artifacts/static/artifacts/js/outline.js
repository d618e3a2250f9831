/** The contents beside the text: the planned sections and where they stand, the headings in them, and where the reader is. */

// The heading above this line is where the reader is, as a part of the window from its top; whoever follows the end reads there.
const READING_LINE = 1 / 3;
const FOLLOWING_LINE = 1;

export class Outline {
  /** `follows()` tells whether the reader is at the growing end. */
  constructor(list, text, { follows }) {
    this.list = list;
    this.text = text;
    this.follows = follows;
    this.sections = [];
    this.headings = [];
    this.shown = "";
    this.links = new Map();
    this.due = null;
    addEventListener("scroll", () => this.moved(), { passive: true });
  }

  /** `sections` of the state, or undefined where only the text changed; `headings`, whether one of them may have. */
  show({ sections, headings }) {
    if (sections || headings) this.rewrite(sections ?? this.sections, headings);
    this.moved();
  }

  rewrite(sections, headings) {
    this.sections = sections;
    if (headings) this.headings = [...this.text.querySelectorAll("h1[id], h2[id], h3[id]")];
    const entries = entriesOf(this.sections, this.headings);
    const now = JSON.stringify(entries);
    if (now === this.shown) return;
    this.shown = now;
    window.Idiomorph.morph(this.list, entries.map(sectionItem), { morphStyle: "innerHTML" });
    this.links = new Map([...this.list.querySelectorAll("a")].map((link) => [link.getAttribute("href").slice(1), link]));
  }

  /** Mark the place in the next frame, when the browser knows where everything stands. */
  moved() {
    this.due ??= requestAnimationFrame(() => this.mark());
  }

  mark() {
    this.due = null;
    const line = innerHeight * (this.follows() ? FOLLOWING_LINE : READING_LINE);
    let low = 0;
    let high = this.headings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.headings[middle].getBoundingClientRect().top <= line) low = middle + 1;
      else high = middle;
    }
    const link = this.links.get(this.headings[low - 1]?.id);
    if (link === this.marked && (!link || link.ariaCurrent)) return;
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.marked = link;
    if (!link) return;
    link.ariaCurrent = "location";
    const rail = this.list.parentElement;
    const offset = link.getBoundingClientRect().top - rail.getBoundingClientRect().top;
    if (offset < 0 || offset > rail.clientHeight - 40) rail.scrollTop += offset - rail.clientHeight / 2;
  }
}

/** Sections in order, each with its heading's id and the headings below it; before them what belongs to none. */
function entriesOf(sections, headings) {
  const entries = sections.map(({ name, status, tokens }) => ({ name, status, tokens, id: "", below: [] }));
  const keys = entries.map((entry) => key(entry.name));
  const before = [];
  let at = -1;
  for (const { id, textContent: name, localName } of headings) {
    const found = localName === "h2" ? keys.indexOf(key(name), at + 1) : -1;
    if (found >= 0) entries[(at = found)].id = id;
    else (entries[at]?.below ?? before).push({ name, id, below: [] });
  }
  return [...before, ...entries];
}

/** Names as they compare: Markdown in a name is gone from its heading. */
function key(name) {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "") || name.trim();
}

function sectionItem({ name, status, tokens, id, below }) {
  const item = document.createElement("li");
  const entry = item.appendChild(document.createElement(id ? "a" : "span"));
  entry.className = "entry";
  if (id) entry.href = `#${id}`;
  entry.append(span("name", name));
  if (status) {
    item.dataset.status = status;
    entry.append(span("visually-hidden", `, ${status}`));
  }
  if (tokens) entry.append(span("tokens", tokens.toLocaleString("en")));
  if (below.length) {
    const list = item.appendChild(document.createElement("ol"));
    list.append(...below.map(sectionItem));
  }
  return item;
}

function span(className, text) {
  return Object.assign(document.createElement("span"), { className, textContent: text });
}
