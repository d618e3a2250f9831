/** The menus of the bar: they close when left, and what in them needs a script: copying, printing, the list of keys. */

export function wireMenus(page, { text, say }) {
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
  const told = async (copying) => say((await copying) ? "Copied." : "It could not be copied.");
  wire('[data-copy="text"]', () => told(copy({ "text/plain": markdown(page) })));
  wire('[data-copy="html"]', () => told(copy({ "text/html": text.root.innerHTML, "text/plain": text.root.innerText })));
  wire("[data-print]", () => print());
  wire("[data-help]", () => page.querySelector("[data-shortcuts]").showModal());
}

async function markdown(page) {
  const answer = await fetch(page.querySelector('a[href$="format=md"]').href);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

/** Put what is given (or promised) on the clipboard; false where it did not work. */
async function copy(kinds) {
  try {
    if (!navigator.clipboard) return copyPlainly(await kinds["text/plain"]);
    // Promises go in as they are: a browser that asks for a press of a button forgets it while we wait.
    const items = Object.entries(kinds).map(([kind, content]) => [kind, blob(content, kind)]);
    await navigator.clipboard.write([new ClipboardItem(Object.fromEntries(items))]);
    return true;
  } catch {
    return false;
  }
}

async function blob(content, kind) {
  return new Blob([await content], { type: kind });
}

/** For addresses without TLS. */
function copyPlainly(content) {
  const area = document.createElement("textarea");
  area.value = content;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}
