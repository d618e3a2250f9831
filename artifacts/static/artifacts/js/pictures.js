/**
 * Formulas and Mermaid fences as pictures, once they are settled and near the reader. They are drawn in a frame without
 * rights (picture-frame.js) and shown as images, in which nothing can run. Their source stays: for screen readers, for
 * copying, and where drawing fails. Loaded where there is something to draw.
 */

import { eachSettled } from "./settled.js";

const PATIENCE_MS = 15000;
const SVG_CHARS = 2_000_000;
const SOURCE_CHARS = { math: 5_000, mermaid: 20_000 };
const NEAR = "800px";
const BELOW_BAR = 104; // pixels: where a place stands to which a link led
const LINE_EM = 16; // a wider formula stands by itself, where it can be scrolled

const page = document.querySelector("[data-pictures]");
const dark = matchMedia("(prefers-color-scheme: dark)");
const known = new WeakSet();
const shown = new Set(); // { element, image, kind, source }

/** The frame in which pictures are drawn, one after the other; it goes when it does not answer. */
class Studio {
  constructor(address) {
    this.waiting = [];
    this.busy = null;
    this.ready = false;
    this.frame = document.createElement("iframe");
    Object.assign(this.frame, { className: "picture-frame", title: "Draws formulas and diagrams", tabIndex: -1, inert: true });
    this.frame.setAttribute("sandbox", "allow-scripts");
    this.frame.setAttribute("aria-hidden", "true");
    this.frame.src = address;
    addEventListener("message", ({ source, data }) => source === this.frame.contentWindow && this.heard(data));
    document.body.append(this.frame);
  }

  draw(order) {
    return new Promise((done) => {
      this.waiting.push({ order, done });
      this.next();
    });
  }

  next() {
    if (!this.ready || this.busy || !this.waiting.length) return;
    this.busy = this.waiting.shift();
    this.timer = setTimeout(() => this.gone(), PATIENCE_MS);
    this.frame.contentWindow.postMessage(this.busy.order, "*"); // its origin is none
  }

  heard(answer) {
    if (answer?.ready === true) this.ready = true;
    else if (this.busy) {
      clearTimeout(this.timer);
      this.busy.done(answer);
      this.busy = null;
    }
    this.next();
  }

  gone() {
    this.frame.remove();
    this.ready = false;
  }
}

let studio = null;

// What is wider than the page is scrolled in its own box, by keyboard as well.
const measured = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      show(target);
    }
  },
  { rootMargin: NEAR },
);

async function show(element) {
  const kind = element.localName === "pre" ? "mermaid" : "math";
  const source = kind === "mermaid" ? element.querySelector("code").textContent : element.textContent.trim();
  if (source.length > SOURCE_CHARS[kind]) return;
  const entry = { element, kind, source, image: document.createElement("img") };
  if (await draw(entry)) held(() => place(entry));
}

async function draw({ element, kind, source, image }) {
  studio ??= new Studio(page.dataset.pictures);
  const { color } = getComputedStyle(element);
  const answer = await studio.draw({ kind, source, color, dark: dark.matches });
  const { svg, width, height, depth } = answer ?? {};
  if (typeof svg !== "string" || svg.length > SVG_CHARS || !(width > 0 && height > 0)) return false;
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  const unit = kind === "math" ? "em" : "px";
  Object.assign(image.style, { width: `${width}${unit}`, verticalAlign: kind === "math" ? `${-depth || 0}em` : "" });
  if (kind === "mermaid") Object.assign(image, { width: Math.round(width), height: Math.round(height) });
  await image.decode().catch(() => (image.src = ""));
  return image.getAttribute("src") !== "";
}

/** A picture is of another height than its source: what the reader sees below the bar stays where it is. */
function held(change) {
  const seen = parts().find((one) => one.getBoundingClientRect().bottom > BELOW_BAR);
  const top = seen?.getBoundingClientRect().top;
  change();
  const moved = seen?.isConnected ? seen.getBoundingClientRect().top - top : 0;
  if (Math.abs(moved) >= 1) scrollBy({ top: moved, behavior: "instant" });
}

/** Beside its source, which is out of sight or folded from here on. */
function place(entry) {
  const { element, kind, image } = entry;
  if (!element.isConnected) return;
  shown.add(entry);
  const picture = document.createElement(kind === "mermaid" ? "figure" : "span");
  picture.className = `picture ${kind}-picture`;
  element.replaceWith(picture);
  if (kind === "math") {
    image.alt = ""; // the source beside it says it
    element.dataset.pictured = "";
    element.removeAttribute("tabindex");
    picture.classList.toggle("block", element.localName === "p" || parseFloat(image.style.width) > LINE_EM);
    picture.append(element, image);
    measured.observe(picture);
    return;
  }
  image.alt = "A diagram, drawn after the source below";
  const source = document.createElement("details");
  const summary = document.createElement("summary");
  summary.textContent = "Source of the diagram";
  source.append(summary, element);
  picture.append(image, source);
}

dark.addEventListener("change", () => {
  for (const entry of shown) {
    if (entry.element.isConnected) draw(entry);
    else shown.delete(entry);
  }
});

// Far from the reader formulas are sources, of another height: after Reload and Back the words are kept in place, not the
// number of pixels above them.
const parts = () => [...document.querySelectorAll("[data-document] > * > *")];
const key = `place ${location.pathname}`;
const [part, off, top] = JSON.parse(sessionStorage.getItem(key) ?? "[]");
const isBack = performance.getEntriesByType("navigation")[0]?.type !== "navigate";
const isThere = Math.abs(scrollY - top) < 2 || scrollY + innerHeight > document.documentElement.scrollHeight - 2;
if (isBack && isThere && parts()[part]) scrollBy(0, parts()[part].getBoundingClientRect().top - off);
addEventListener("pagehide", () => {
  const places = parts().map((one) => one.getBoundingClientRect());
  const first = places.findIndex(({ bottom }) => bottom > BELOW_BAR);
  sessionStorage.setItem(key, JSON.stringify([first, places[first]?.top, scrollY]));
});

eachSettled(":is(.math, pre:has(> .language-mermaid))", (element) => {
  if (known.has(element)) return;
  known.add(element);
  near.observe(element);
});
