/** Writing all documents of a project: what is said of it, and its buttons, as every look of the page's module finds it. */

let asking = false;

addEventListener("looked", async ({ detail: seen }) => {
  if (asking || said(seen) === said(document)) return;
  asking = true;
  const answer = await fetch(location.pathname).catch(() => null); // a look does not tell what writing all would cost
  asking = false;
  if (!answer?.ok) return;
  const fresh = place(new DOMParser().parseFromString(await answer.text(), "text/html"));
  const shown = place(document);
  if (!fresh) return;
  if (!shown.contains(document.activeElement)) return shown.replaceWith(fresh);
  const [before, now] = [shown, fresh].map((one) => one.querySelector("[role=status]"));
  if (before && now) before.replaceWith(now); // the button that the keyboard stands on stays
});

function place(page) {
  return page.querySelector("[data-run-place]");
}

/** The sentence, and what the buttons do. */
function said(page) {
  const sentence = place(page)?.querySelector("[role=status]")?.textContent ?? "";
  return [sentence, ...[...(place(page)?.querySelectorAll("form") ?? [])].map((form) => form.getAttribute("action"))].join("\n");
}
