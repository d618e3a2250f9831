/** What the items of the menus do that need a script of their own: copying, notices. Loaded when a menu is first opened. */

import { copy } from "./clipboard.js";
import { wireNotices } from "./notices.js";

const ADDED = ".copy-code, .picture > img, .picture summary"; // to the text, by other scripts
let wired = false;

export function wireItems(page, { text, say }) {
  if (wired) return;
  wired = true;
  wireNotices(page, say);
  const wire = (kind, kinds) => {
    const button = page.querySelector(`[data-copy="${kind}"]`);
    button.hidden = false;
    button.addEventListener("click", async () => say((await copy(kinds())) ? "Copied." : "It could not be copied."));
  };
  wire("text", () => ({ "text/plain": markdown(page) }));
  wire("html", () => ({ "text/html": asWritten(text.root).innerHTML, "text/plain": text.root.innerText }));
}

function asWritten(root) {
  const written = root.cloneNode(true);
  for (const added of written.querySelectorAll(ADDED)) added.remove();
  return written;
}

async function markdown(page) {
  const answer = await fetch(page.querySelector("[data-markdown]").href);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}
