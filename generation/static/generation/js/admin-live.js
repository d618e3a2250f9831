/** Lists and parts of the admin that keep themselves as the server would show them now, while somebody looks. */

const EVERY_MS = 4000;
const list = document.querySelector("[data-live-list]");

const keyOf = (row) => row.querySelector(".action-select")?.value ?? row.querySelector("a")?.getAttribute("href") ?? "";
const rowsOf = (page) => [...page.querySelectorAll("#result_list tbody tr")];

function isBusy(part) {
  const held = document.activeElement;
  return (held && held !== document.body && part.contains(held)) || !document.getSelection().isCollapsed;
}

function refreshPart(part, page) {
  const found = page.querySelector(`[data-live-part="${part.dataset.livePart}"]`);
  if (!found || isBusy(part) || found.isEqualNode(part)) return;
  const scrolled = [...part.querySelectorAll(".wide")].map((one) => one.scrollLeft);
  part.replaceChildren(...document.adoptNode(found).childNodes);
  [...part.querySelectorAll(".wide")].forEach((one, number) => (one.scrollLeft = scrolled[number] ?? 0));
}

/** Cells change in place, so that what is ticked stays ticked; other rows need the whole page. */
function refreshList(page) {
  const [old, now] = [rowsOf(document), rowsOf(page)];
  if (old.map(keyOf).join() === now.map(keyOf).join()) {
    old.forEach((row, number) =>
      [...row.cells].forEach((cell, place) => {
        const next = now[number].cells[place];
        if (!cell.matches(".action-checkbox") && !cell.isEqualNode(next) && !cell.contains(document.activeElement))
          cell.replaceChildren(...document.adoptNode(next).childNodes);
      }),
    );
    list.textContent = "";
  } else if (document.querySelector(".action-select:checked") || document.activeElement !== document.body) {
    if (list.textContent) return;
    const link = Object.assign(document.createElement("a"), { href: location.href, textContent: "Show it." });
    list.replaceChildren("The list has changed. ", link);
  } else {
    location.reload();
  }
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (list) refreshList(page);
  for (const part of document.querySelectorAll("[data-live-part]")) refreshPart(part, page);
}

setInterval(() => refresh().catch(() => {}), EVERY_MS);
