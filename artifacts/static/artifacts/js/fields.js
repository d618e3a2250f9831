/** On every page: what was said of a field holds no more once somebody changes it; nor does what the form would cost. */

document.addEventListener("input", ({ target: { form, name, ariaInvalid }, target }) => {
  if (form?.dataset.estimate) import("./estimate.js").then((way) => way.estimate(form));
  if (!form || ariaInvalid !== "true") return;
  target.ariaInvalid = null;
  for (const place of form.querySelectorAll(`[data-error="${CSS.escape(name)}"], [data-refusal]`)) place.textContent = "";
});
