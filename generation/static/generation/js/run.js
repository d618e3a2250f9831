/** Writing all documents of a project: what is said of it, and its buttons, live while it goes on. */

const EVERY_MS = 2000;

async function look() {
  const shown = document.querySelector("[data-run]");
  if (shown?.dataset.run !== "live") return;
  setTimeout(look, EVERY_MS);
  if (document.visibilityState !== "visible" || shown.contains(document.activeElement)) return;
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-run]");
  if (!fresh || fresh.textContent === shown.textContent) return;
  shown.replaceWith(fresh);
  dispatchEvent(new Event("online")); // the documents are looked at as well
}

setTimeout(look, EVERY_MS);
