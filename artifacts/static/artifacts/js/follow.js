/**
 * Keeps the growing end in view until the reader scrolls up, selects text or goes to a place, and offers the way back.
 * Whether they follow, and where they are, stands in the browser's history, for reloading and Back.
 */

const END_AT = 0.65; // where in the window the end stands, from its top
const STEP = 0.2; // of the way that is left, in each frame

export class Follower {
  constructor({ end, button }) {
    this.end = end;
    this.button = button;
    this.live = false;
    this.following = Boolean(history.state?.following);
    this.frame = null;
    this.jumping = true;
    // The browser may miss the place: it saw fragments. It may look again at the end.
    let top = this.following ? undefined : history.state?.top;
    const moves = ["wheel", "touchstart", "pointerdown", "keydown"];
    for (const move of moves) addEventListener(move, () => (top = undefined), { passive: true, once: true });
    const restore = () => top === undefined || scrollTo(0, top);
    restore();
    this.note();
    addEventListener("load", () => this.landed(restore()));
    addEventListener("pagehide", () => this.save({ top: scrollY }));
    addEventListener("popstate", ({ state }) => this.jumped(state));
    button.addEventListener("click", () => this.follow());
    addEventListener("scroll", () => this.scrolled(), { passive: true });
    addEventListener("wheel", (event) => event.deltaY < 0 && this.leave(), { passive: true });
    document.addEventListener("selectionchange", () => this.selected());
  }

  /** Whether the text is growing. Whoever has the end in view when it begins again is taken along. */
  set growing(live) {
    if (live === this.live) return;
    if (live && !this.jumping && this.endTop() <= innerHeight) this.set(true);
    this.live = live;
    this.offer();
  }

  follow() {
    this.set(true);
    this.grown();
  }

  leave() {
    this.note();
    this.set(false);
  }

  set(following) {
    const turned = following !== this.following;
    this.following = following;
    if (turned) this.save();
    this.offer();
  }

  save(place) {
    history.replaceState({ following: this.following, ...place }, "");
  }

  /** To a section, or back: where the browser scrolls then is no sign of what the reader wants. */
  jumped(state) {
    this.jumping = true;
    if (state?.following) this.follow();
    else this.leave();
    this.landed();
  }

  landed() {
    requestAnimationFrame(() => requestAnimationFrame(() => (this.jumping = false)));
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
    const { top, height } = this;
    this.note();
    const up = scrollY < top - 1 && this.height >= height; // a page that became shorter moves by itself
    if (this.jumping) this.offer();
    else if (up) this.set(false);
    else this.set(this.following || (scrollY > top && this.endTop() <= innerHeight));
  }

  note() {
    this.top = scrollY;
    this.height = document.documentElement.scrollHeight;
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
