/**
 * On every page: what was said of a field holds no more once somebody changes it; nor does what the form would cost. A form that
 * is on its way is not sent a second time.
 */

const AGAIN_MS = 10000;
let sent = new WeakMap();

document.addEventListener("input", ({ target: { form, name, ariaInvalid }, target }) => {
  if (form?.dataset.estimate) import("./estimate.js").then((way) => way.estimate(form));
  if (!form || ariaInvalid !== "true") return;
  target.ariaInvalid = null;
  for (const place of form.querySelectorAll(`[data-error="${CSS.escape(name)}"], [data-refusal]`)) place.textContent = "";
});

document.addEventListener("submit", (event) => {
  const { target, submitter, timeStamp } = event;
  if (event.defaultPrevented || target.method !== "post" || submitter?.formMethod === "dialog") return;
  if (timeStamp - sent.get(target) < AGAIN_MS) event.preventDefault();
  else sent.set(target, timeStamp);
});
addEventListener("pageshow", () => {
  sent = new WeakMap(); // who comes back may send it again
});
