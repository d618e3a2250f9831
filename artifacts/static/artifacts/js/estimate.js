/** What a form asks for would cost so much: said anew while somebody types. Loaded with the first change of such a form. */

const STILL_MS = 400;
const timers = new WeakMap();
const asking = new WeakMap();

/** Ask when nothing was typed for a moment; the latest wish wins. */
export function estimate(form) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(() => ask(form), STILL_MS));
}

async function ask(form) {
  asking.get(form)?.abort();
  const mine = new AbortController();
  asking.set(form, mine);
  const place = form.querySelector("[data-costs]");
  try {
    const wish = { method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, signal: mine.signal };
    const answer = await fetch(form.dataset.estimate, wish);
    const { sentence = "" } = await answer.json(); // none while a field holds what it must not
    if (place.textContent !== sentence) place.textContent = sentence;
  } catch {
    // A later wish came, or the server is away: what stands there was true of what was typed before.
    if (!mine.signal.aborted) place.textContent = "";
  }
}
