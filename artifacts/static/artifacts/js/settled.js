/** What of the text no longer changes: whole texts, settled fragments, and the end of a document that is not written. */

const TEXTS = '.prose:not([data-document]), .fragment, [data-live]:not([data-status="streaming"]) [data-tail]';
const PAUSE_MS = 200;

/** Call `act` with each settled element that matches, now and as more settles; it is called again with those it knows. */
export function eachSettled(selector, act) {
  let timer = 0;
  const look = () => {
    timer = 0;
    for (const found of document.querySelectorAll(`:is(${TEXTS}) ${selector}`)) act(found);
  };
  const later = () => (timer ||= setTimeout(look, PAUSE_MS));
  new MutationObserver(later).observe(document.body, { childList: true, subtree: true, attributeFilter: ["data-status"] });
  look();
}
