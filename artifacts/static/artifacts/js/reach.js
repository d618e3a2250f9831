/** What the HTML of Markdown lacks for those without mouse or sight: names for its boxes, a way to scroll what is wide. */

const WIDE = "pre, table, .math:not([data-pictured])";
const pictures = document.querySelector("[data-pictures]");

// Widths are read when the browser has laid the page out anyway; asking earlier would make it do so once more.
const measured = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    measured.unobserve(target);
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

export function reachable(element) {
  for (const box of element.querySelectorAll('input[type="checkbox"]:not([aria-label])')) {
    box.setAttribute("aria-label", box.checked ? "done" : "open");
  }
  for (const wide of element.querySelectorAll(WIDE)) measured.observe(wide);
  if (element.querySelector("pre")) import("./code.js");
  if (pictures && element.querySelector(".math, .language-mermaid")) import("./pictures.js");
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

// Texts that do not change: an earlier version, and what the admin shows of one.
for (const text of document.querySelectorAll(".prose:not([data-document])")) keepReachable(text);
