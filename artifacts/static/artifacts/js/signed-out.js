/** Who is signed out still reads what is there; nothing more comes, and nothing can be done before the next sign-in. */

const NOT_NOW = "form :is(button, input, textarea, select), [data-menu] a, [data-copy], .draft-verbs a, .run-verbs button";

/** The live page. Signed in again, in another tab, it is loaded anew. */
export function signOut(page) {
  if (page.dataset.status !== "idle") page.dataset.status = "signed-out"; // else its form stays, with what was typed
  const pill = page.querySelector('[data-field="pill"]');
  pill.textContent = "Signed out";
  pill.dataset.status = "signed-out";
  for (const element of [page, pill]) element.removeAttribute("data-waiting");
  page.querySelector('[data-field="now"]').textContent = "The text as it was seen here last";
  page.querySelector("[data-waits]")?.remove();
  disable(page);
  const typed = () => [...page.querySelectorAll("textarea")].some((field) => field.value !== field.defaultValue);
  const look = async () => {
    if (document.hidden || typed()) return;
    const answer = await fetch(location.pathname, { method: "HEAD" }).catch(() => null);
    if (answer?.ok && !answer.redirected) location.reload();
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

/** What would be refused is not offered; what was typed can still be copied. */
export function disable(place) {
  for (const one of place.querySelectorAll(NOT_NOW)) {
    if (one.closest("[data-shortcuts]") || one.formMethod === "dialog" || one.closest('form[method="get"]:not([data-asks])')) continue;
    if (one.matches("a")) {
      one.removeAttribute("href");
      one.role = "link";
      one.ariaDisabled = "true";
    } else if (one.matches("textarea, input:not([type='checkbox'])")) one.readOnly = true;
    else one.disabled = true;
  }
}
