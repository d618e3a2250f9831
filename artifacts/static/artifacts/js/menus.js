/** The menus of the bar: they close when left. What only their items need is loaded when one is opened. */

export function wireMenus(page, wishes) {
  const menus = [...page.querySelectorAll("[data-menu]")];
  const shut = (except) => menus.forEach((menu) => menu !== except && menu.removeAttribute("open"));
  document.addEventListener("click", ({ target }) => shut(target.closest("summary") && target.closest("[data-menu]")));
  document.addEventListener("keydown", (event) => {
    const open = menus.find((menu) => menu.open);
    if (event.key !== "Escape" || !open) return;
    shut();
    open.querySelector("summary").focus();
  });

  const contents = page.querySelector("[popover]");
  contents.addEventListener("click", (event) => {
    if (event.target.closest("a") && contents.matches(":popover-open")) contents.hidePopover();
  });

  const wire = (selector, act) => {
    const button = page.querySelector(selector);
    button.hidden = false;
    button.addEventListener("click", act);
  };
  wire("[data-print]", () => print());
  wire("[data-help]", () => page.querySelector("[data-shortcuts]").showModal());
  const load = async () => (await import("./menu-items.js")).wireItems(page, wishes);
  if (localStorage.getItem("streamgen.notices")) load();
  for (const menu of menus) menu.addEventListener("toggle", load, { once: true });
}
