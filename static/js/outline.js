/** The contents beside the text: the planned sections and where they stand, the headings in them, and where the reader is. */

const READING_LINE = 1 / 3; // of the window, from its top: the heading above it is where the reader is

export class Outline {
  constructor(list, text) {
    this.list = list;
    this.text = text;
    this.sections = [];
    this.headings = [];
    this.shown = "";
    let due = false;
    const mark = () => {
      due = false;
      this.mark();
    };
    addEventListener(
      "scroll",
      () => {
        if (!due) requestAnimationFrame(mark);
        due = true;
      },
      { passive: true },
    );
  }

  /** The sections of the state, or null where only the text changed. */
  show(sections) {
    this.sections = sections ?? this.sections;
    this.headings = [...this.text.querySelectorAll("h1[id], h2[id], h3[id]")];
    const entries = entriesOf(this.sections, this.headings);
    const now = JSON.stringify(entries);
    if (now !== this.shown) {
      this.shown = now;
      window.Idiomorph.morph(this.list, entries.map(sectionItem), { morphStyle: "innerHTML" });
    }
    this.mark();
  }

  mark() {
    let low = 0;
    let high = this.headings.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.headings[middle].getBoundingClientRect().top <= innerHeight * READING_LINE) low = middle + 1;
      else high = middle;
    }
    const id = this.headings[low - 1]?.id;
    const link = [...this.list.querySelectorAll("a")].find((candidate) => candidate.hash === `#${id}`);
    if (link === this.marked && link?.ariaCurrent) return;
    this.list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.marked = link;
    if (!link) return;
    link.setAttribute("aria-current", "location");
    const rail = this.list.parentElement;
    const offset = link.getBoundingClientRect().top - rail.getBoundingClientRect().top;
    if (offset < 0 || offset > rail.clientHeight - 40) rail.scrollTop += offset - rail.clientHeight / 2;
  }
}

/** Sections in order, each with the id of its own heading and the headings below it; before them what belongs to none. */
function entriesOf(sections, headings) {
  const entries = sections.map(({ name, status, tokens }) => ({ name, status, tokens, id: "", below: [] }));
  const before = [];
  let at = -1;
  for (const { id, textContent: name, localName } of headings) {
    const own = (entry, index) => index > at && key(entry.name) === key(name);
    const found = localName === "h2" ? entries.findIndex(own) : -1;
    if (found >= 0) {
      at = found;
      entries[at].id = id;
    } else {
      (entries[at]?.below ?? before).push({ name, id, below: [] });
    }
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
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}
