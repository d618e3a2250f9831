/** Keeps the growing end in view until the reader scrolls up or selects text, and offers the way back. */

const END_AT = 0.65; // where in the window the end stands, from its top
const STEP = 0.2; // of the way that is left, in each frame

export class Follower {
  constructor({ end, button }) {
    this.end = end;
    this.button = button;
    this.live = false;
    this.following = false;
    this.frame = null;
    this.top = scrollY;
    this.height = document.documentElement.scrollHeight;
    button.addEventListener("click", () => this.follow());
    addEventListener("scroll", () => this.scrolled(), { passive: true });
    addEventListener("wheel", (event) => event.deltaY < 0 && this.leave(), { passive: true });
    document.addEventListener("selectionchange", () => this.selected());
  }

  /** Whether the text is growing. Whoever has the end in view when it begins is taken along. */
  set growing(live) {
    if (live === this.live) return;
    if (live && this.endTop() <= innerHeight) this.following = true;
    this.live = live;
    this.offer();
  }

  follow() {
    this.following = true;
    this.offer();
    this.grown();
  }

  leave() {
    this.following = false;
    this.offer();
  }

  /** The text may have become longer. */
  grown() {
    this.frame ??= requestAnimationFrame(() => this.arrive());
  }

  arrive() {
    this.frame = null;
    if (this.live && this.following) this.glide();
    else this.offer();
  }

  /** A frame of the way to the end. Not the browser's smooth scrolling: that would drag along a reader who turns back. */
  glide() {
    const page = document.documentElement;
    const target = Math.min(this.endTop() + scrollY - innerHeight * END_AT, page.scrollHeight - innerHeight);
    const way = target - scrollY;
    if (way < 1) return;
    const calm = way > 3 * innerHeight || matchMedia("(prefers-reduced-motion: reduce)").matches;
    scrollTo(0, calm ? target : scrollY + Math.max(1, way * STEP));
    this.grown();
  }

  scrolled() {
    const height = document.documentElement.scrollHeight;
    const up = scrollY < this.top - 1 && height >= this.height; // a page that became shorter moves by itself
    const down = scrollY > this.top;
    this.top = scrollY;
    this.height = height;
    if (up) this.following = false;
    else if (down && this.endTop() <= innerHeight) this.following = true;
    this.offer();
  }

  selected() {
    const selection = getSelection();
    if (!selection.isCollapsed && this.end.parentElement.contains(selection.anchorNode)) this.leave();
  }

  offer() {
    this.button.hidden = !this.live || this.following || this.endTop() <= innerHeight;
  }

  endTop() {
    return this.end.getBoundingClientRect().bottom;
  }
}
