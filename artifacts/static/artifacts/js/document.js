/**
 * The text on the page: one element per settled fragment, and the tail. All HTML here was sanitised by the server.
 * Fragments stand in chunks, because a browser looks at every sibling of what it lays out.
 * Nodes that a reader looks at, has selected or unfolded are kept: what settles is moved, what grew is extended.
 */

import { keepReachable, reachable } from "./reach.js";

const CHUNK = 32; // fragments
const PLACES = ".fragment > *, .tail > *, tr, li, p";
const AROUND = `div, table, tbody, ul, ol, blockquote, details, ${PLACES}`;
const MORPH = { morphStyle: "innerHTML", callbacks: { beforeNodeMorphed: extend, beforeAttributeUpdated: mayChange } };

export class LiveDocument {
  constructor(root) {
    this.root = root;
    this.tail = root.querySelector("[data-tail]");
    this.fragments = []; // the elements
    this.html = []; // what each was made of
    this.headingsChanged = false; // since somebody looked and set it back
    keepReachable(root);
    let hold = () => {};
    addEventListener("scrollend", () => (hold = this.place()));
    addEventListener("resize", () => hold());
  }

  /**
   * Apply `shown[first:] = fragments` and replace the tail; false where they do not join what is shown. With `more` to come
   * what stands behind them stays: a page that became short would throw its reader back.
   */
  show(first, fragments, tail, more = false) {
    if (first > this.fragments.length) return false;
    const restore = selectionIn(this.root);
    const hold = this.place();
    if (!more) this.cut(first + fragments.length);
    fragments.forEach((html, index) => this.set(first + index, html));
    if (!more) this.fill(this.tail, tail);
    restore();
    hold();
    return true;
  }

  /** No more fragments than that. */
  cut(length) {
    this.headingsChanged ||= this.fragments.length > length;
    for (const element of this.fragments.splice(length)) {
      const chunk = element.parentElement;
      element.remove();
      if (!chunk.firstElementChild) chunk.remove();
    }
    this.html.splice(length);
  }

  /**
   * Remembers what the reader sees; what it returns puts it there again. Browsers do not in the tail, and elsewhere not
   * for sure. It is looked for, not hit: a point may be between paragraphs, or below a dialog.
   */
  place() {
    const ahead = (one) => one.matches(AROUND) && one.getBoundingClientRect().bottom > innerHeight / 3;
    let seen = this.root;
    for (let next = seen; next; next = [...next.children].find(ahead)) seen = next;
    seen = seen.closest(PLACES);
    const top = seen?.getBoundingClientRect().top;
    return () => {
      const moved = this.root.contains(seen) ? seen.getBoundingClientRect().top - top : 0;
      if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
    };
  }

  set(index, html) {
    if (this.html[index] === html) return;
    if (this.fragments[index]) this.fill(this.fragments[index], html);
    else this.fragments.push(this.settle(html));
    this.html[index] = html;
  }

  /** A new last fragment, out of the nodes at the beginning of the tail. */
  settle(html) {
    const element = document.createElement("div");
    element.className = "fragment";
    let missing = parse(html).childElementCount;
    for (let node; missing > 0 && (node = this.tail.firstChild); element.append(node)) {
      if (node.nodeType === Node.ELEMENT_NODE) missing -= 1;
    }
    this.room().append(element);
    this.fill(element, html);
    return element;
  }

  /** The chunk that takes the next fragment. */
  room() {
    const last = this.tail.previousElementSibling;
    if (last && last.childElementCount < CHUNK) return last;
    const chunk = document.createElement("div");
    chunk.className = "chunk";
    this.tail.before(chunk);
    return chunk;
  }

  fill(element, html) {
    this.headingsChanged ||= html.includes("<h") || element.querySelector("h1, h2, h3") !== null;
    if (!element.firstChild) element.append(parse(html));
    else if (element.innerHTML.trim() !== html.trim()) window.Idiomorph.morph(element, html, MORPH);
    reachable(element);
  }
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** Changes a text node only where it differs, for the sake of a selection in it. */
function extend(old, fresh) {
  if (old.nodeType !== Node.TEXT_NODE || fresh.nodeType !== Node.TEXT_NODE) return true;
  const before = old.data;
  const after = fresh.data;
  let same = 0;
  while (same < before.length && before[same] === after[same]) same += 1;
  if (same < before.length || same < after.length) old.replaceData(same, before.length - same, after.slice(same));
  return false;
}

/** What a reader folds stays so, and what `reachable` added stays too. */
function mayChange(attribute, element, change) {
  if (attribute === "open" && element.localName === "details") return false;
  return !(change === "remove" && ["aria-label", "tabindex"].includes(attribute));
}

/** Remembers what is selected; what it returns selects it again where moving nodes undid it. */
function selectionIn(root) {
  const selection = getSelection();
  const { anchorNode, anchorOffset, focusNode, focusOffset, isCollapsed } = selection;
  if (isCollapsed || !root.contains(anchorNode) || !root.contains(focusNode)) return () => {};
  return () => {
    if (selection.anchorNode === anchorNode && selection.focusNode === focusNode) return;
    if (!root.contains(anchorNode) || !root.contains(focusNode)) return;
    if (anchorOffset <= sizeOf(anchorNode) && focusOffset <= sizeOf(focusNode)) {
      selection.setBaseAndExtent(anchorNode, anchorOffset, focusNode, focusOffset);
    }
  };
}

function sizeOf(node) {
  return node.nodeType === Node.TEXT_NODE ? node.length : node.childNodes.length;
}
