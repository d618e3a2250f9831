/** What the HTML of Markdown lacks for those without mouse or sight: names for its boxes, a way to scroll what is wide. */

const WIDE = "pre, table";

export function reachable(element) {
  for (const box of element.querySelectorAll('input[type="checkbox"]:not([aria-label])')) {
    box.setAttribute("aria-label", box.checked ? "done" : "open");
  }
  for (const wide of element.querySelectorAll(WIDE)) {
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
  }
}

/** Keep it so when the window changes its width. */
export function keepReachable(root) {
  reachable(root);
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    reachable(root);
  });
}
