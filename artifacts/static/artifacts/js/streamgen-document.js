/**
 * `<streamgen-document src="https://docs.example.com/shared/SECRET/7/">`: a document in any page, as it is written. `src` is the
 * address of its page, which the reader's session opens, or a read-only link. It stands apart from the page's own styles.
 */

import { addressesOf } from "./addresses.js";
import { Line } from "./socket.js";
import { WatchedText } from "./watched-text.js";

const SHEETS = ["document", "pygments", "element"];
const SAID = { idle: "Nothing is written yet.", streaming: "Being written…", paused: "Writing has stopped for now.", cancelled: "Writing was stopped." };
const FROM_HERE = "This document does not open in a page of another site. A read-only link to it would: …/shared/SECRET/7/.";
const NO_SOURCE = "src must be the address of a document’s page, …/artifacts/7/, or a read-only link to it, …/shared/SECRET/7/.";
const FORBIDDEN = "script, style, link, meta, base, iframe, frame, object, embed, form, svg, template";
const SAFE_ADDRESS = /^(https?:|mailto:|#|\/|$)/i;

export class StreamgenDocument extends HTMLElement {
  static observedAttributes = ["src", "format", "label"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    this.body = document.createElement("article");
    this.note = document.createElement("p");
    this.body.append(document.createElement("slot"));
    this.body.part = "document";
    this.note.part = "status";
    this.note.setAttribute("role", "status");
    root.append(this.body, this.note);
  }

  /** `html` or `text`. */
  get format() {
    return this.getAttribute("format") === "text" ? "text" : "html";
  }

  connectedCallback() {
    this.dress();
    this.begin();
  }

  disconnectedCallback() {
    this.end();
    this.text = null;
  }

  attributeChangedCallback(name, before, now) {
    if (!this.text || before === now) return; // it begins when it is in the page
    if (name === "label") this.name();
    else this.begin();
  }

  /** The sheets of the product's own pages, in the colours and type of this one. */
  dress() {
    if (this.shadowRoot.querySelector("link")) return;
    const [red, green, blue] = getComputedStyle(this).color.match(/\d+/g).map(Number);
    const isLightText = red * 3 + green * 6 + blue > 1275;
    for (const name of SHEETS) {
      // The colours of code go by what the reader's system wants, which a page need not follow.
      if (name === "pygments" && isLightText !== matchMedia("(prefers-color-scheme: dark)").matches) continue;
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = new URL(`../css/${name}.css`, import.meta.url);
      this.shadowRoot.prepend(link);
    }
    const links = [...this.shadowRoot.querySelectorAll("link")];
    this.shadowRoot.prepend(...links.reverse());
  }

  begin() {
    this.end();
    this.name();
    this.text = new WatchedText();
    this.opened = false;
    const addresses = this.hasAttribute("src") && addressesOf(this.getAttribute("src"));
    if (this.came) this.body.replaceChildren(document.createElement("slot")); // it was of another document, or from before
    this.came = this.tail = null;
    delete this.dataset.status;
    this.body.removeAttribute("aria-busy");
    this.shown = [];
    if (!addresses) return this.say(NO_SOURCE);
    this.say("");
    this.isForeign = new URL(addresses.events).origin !== location.origin && !addresses.events.includes("/link/");
    this.watch = new AbortController();
    const { signal } = this.watch;
    const onFrame = (frame) => this.apply(frame);
    this.events = `${addresses.events}?format=${this.format}`;
    this.socket = `${addresses.socket}?format=${this.format}`;
    const line = new Line(this.socket, { onFrame, onChange: (change) => this.line === line && this.changed(change), signal });
    this.line = line;
    line.open();
  }

  end() {
    this.watch?.abort();
    this.line?.close();
    this.line = null;
  }

  name() {
    this.body.setAttribute("aria-label", this.getAttribute("label") || "Document");
  }

  apply(frame) {
    if (!this.line || frame.type === "error" || frame.type === "pong") return;
    try {
      if (this.format === "text") this.grow(this.text.apply(frame));
      else if (frame.fragments && !this.show(frame)) return this.line.open();
    } catch {
      this.text.forget();
      this.aim();
      return this.line.open();
    }
    if (frame.state) this.tell(frame);
  }

  /** Text is added to the end of what is there. */
  grow(events) {
    for (const event of events) {
      if (event.type === "EpochBegan") this.clear("pre");
      if (event.type === "TextAdded") this.body.lastElementChild.append(event.text);
    }
    this.aim();
  }

  /** HTML: settled fragments, and the end that is still changing; false where they do not join what is shown. */
  show({ type, from = 0, fragments, tail, more, epoch }) {
    if (type === "snapshot" && (!this.tail || epoch !== this.epoch)) this.clear("div");
    this.epoch = epoch;
    if (!this.tail || from > this.shown.length) return false;
    for (const old of this.shown.splice(more ? this.shown.length : from + fragments.length)) old.element.remove();
    fragments.forEach((html, index) => {
      const before = this.shown[from + index];
      if (before?.html === html) return;
      const element = before?.element ?? this.tail.cloneNode();
      element.className = "fragment";
      element.replaceChildren(...clean(html));
      if (!before) this.tail.before(element);
      this.shown[from + index] = { html, element };
    });
    if (!more) this.tail.replaceChildren(...clean(tail));
    return true;
  }

  clear(kind) {
    this.came = true;
    const place = document.createElement(kind);
    this.shown = [];
    this.body.className = "prose";
    this.body.replaceChildren(place);
    if (kind === "div") this.tail = place;
    else this.tail = null;
    place.className = kind === "div" ? "tail" : "plain";
  }

  tell({ type, state }) {
    this.body.setAttribute("aria-busy", state.status === "streaming");
    this.dataset.status = state.status;
    this.say(SAID[state.status] ?? "");
    this.dispatchEvent(new CustomEvent(type === "end" ? "streamgen-end" : "streamgen-state", { detail: state, bubbles: true }));
  }

  say(sentence) {
    if (this.note.textContent !== sentence) this.note.textContent = sentence;
  }

  /** A line that is lost goes on where the text ends; HTML comes whole. */
  aim() {
    const { place } = this.text;
    if (this.format === "text" && this.line) this.line.address = this.socket + (place ? `&epoch=${place.epoch}&offset=${place.offset}` : "");
  }

  async changed({ kind, detail }) {
    const { line } = this;
    if (kind === "open") this.opened = true;
    else if (kind === "lost") this.say(detail || (this.isForeign && !this.came ? FROM_HERE : "Connection lost. Trying again…"));
    else this.say(detail || "Sign in to see this document.");
    if (kind !== "lost" || this.opened || line.attempts < 2) return;
    const { EventStream } = await import("./event-stream.js");
    if (this.line !== line || this.opened) return;
    line.close();
    const stream = new EventStream({ onFrame: line.onFrame, onChange: (change) => this.line === stream && this.changed(change) }, this.events);
    this.opened = true; // this way it stays
    this.line = stream;
    this.text.forget();
    stream.open();
  }
}

/** Nodes of HTML that the server sanitised, and again here: the page trusts an address, not what comes from it. */
function clean(html) {
  const { body } = new DOMParser().parseFromString(html, "text/html");
  for (const element of body.querySelectorAll(FORBIDDEN)) element.remove();
  for (const element of body.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      const isAddress = ["href", "src", "action", "formaction"].includes(name);
      if (name.startsWith("on") || name === "style" || (isAddress && !SAFE_ADDRESS.test(value.trim()))) element.removeAttribute(name);
    }
  }
  return [...body.childNodes];
}

if (!customElements.get("streamgen-document")) customElements.define("streamgen-document", StreamgenDocument);
