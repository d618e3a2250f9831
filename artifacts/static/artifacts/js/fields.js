/** On every page: what was said of a field holds no more once somebody changes it. */

document.addEventListener("input", ({ target: { form, name, ariaInvalid }, target }) => {
  if (!form || ariaInvalid !== "true") return;
  target.ariaInvalid = null;
  for (const place of form.querySelectorAll(`[data-error="${CSS.escape(name)}"], [data-refusal]`)) place.textContent = "";
});
