/** The page of a project: keeps its rows as the server would show them now, while somebody looks; for whoever sees it. */

import { announce } from "./status.js";

const WRITING_MS = 2000;
const IDLE_MS = 5000;
const PATIENCE_MS = 3000;
const LOST = { 404: "This project is gone, or no longer yours to see." };

const page = document.querySelector("[data-project]");
const list = page.querySelector("[data-rows]");
const address = new URL(location.href);
address.searchParams.set("part", "rows");
let timer = null;

for (const event of ["online", "pageshow"]) addEventListener(event, look);
document.addEventListener("visibilitychange", look);

async function look() {
  clearTimeout(timer);
  if (document.visibilityState !== "visible") return;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS); // a line that died in its sleep never answers
    const answer = await fetch(address, { signal });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-rows]");
    if (fresh && "stale" in page.dataset) return location.reload(); // signed in again, in another tab
    tell(fresh || answer.status >= 500 ? "" : LOST[answer.status] ?? "You are signed out. Reload this page to sign in.");
    if (answer.ok && fresh) {
      show(fresh);
      dispatchEvent(new CustomEvent("looked", { detail: fresh.ownerDocument })); // for what else stands on the page
    }
    if (answer.redirected && !fresh) {
      page.dataset.stale = "";
      return (await import("./signed-out.js")).disable(page);
    }
  } catch {
    // The next look may find the server again.
  }
  clearTimeout(timer);
  timer = setTimeout(look, list.querySelector('[data-status="streaming"]') ? WRITING_MS : IDLE_MS);
}

/** Why the rows are no longer kept up to date; "" where they are, or will be by themselves. */
function tell(text) {
  const place = page.querySelector("[data-lost]");
  if (place.textContent !== text) place.textContent = text;
}

function show(fresh) {
  const rows = new Map([...list.children].map((row) => [row.dataset.artifact, row]));
  const news = [];
  let place = null;
  for (const row of [...fresh.children]) {
    const shown = rows.get(row.dataset.artifact);
    rows.delete(row.dataset.artifact);
    if (shown && pill(shown) !== pill(row)) news.push(`${row.querySelector("h3").textContent}: ${pill(row)}`);
    const now = shown ? renewed(shown, row) : row;
    const next = place ? place.nextElementSibling : list.firstElementChild;
    if (next !== now) list.insertBefore(now, next);
    place = now;
  }
  rows.forEach((row) => row.remove());
  page.querySelector("[data-none]").hidden = list.children.length > 0;
  if (news.length) announce(`${news.join(". ")}.`);
}

/** The row as it is now; one that the keyboard stands in stays, and only its state is another. */
function renewed(shown, row) {
  if (shown.isEqualNode(row)) return shown;
  if (!shown.contains(document.activeElement)) {
    shown.replaceWith(row);
    return row;
  }
  Object.assign(shown.dataset, row.dataset);
  if (!("waiting" in row.dataset)) delete shown.dataset.waiting;
  const state = shown.querySelector(".row-state");
  if (!state.contains(document.activeElement)) state.replaceWith(row.querySelector(".row-state"));
  return shown;
}

function pill(row) {
  return row.querySelector('[data-field="pill"]').textContent;
}
