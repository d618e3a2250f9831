/** Single-key shortcuts: never while somebody types or a dialog is open, and off where the reader switched them off. */

const OFF = "streamgen.keys-off";

export function wireKeys(page, keys) {
  const box = page.querySelector("[data-keys-on]");
  box.checked = localStorage.getItem(OFF) === null;
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    if (event.target.closest("input, textarea, select") || document.querySelector("dialog[open], :popover-open")) return;
    if (!box.checked && event.key.length === 1 && event.key !== "?") return;
    if (keys[event.key]?.()) event.preventDefault();
  });
}
