/**
 * A notice of the system when writing ends while nobody looks at the page. The browser is asked for it by a press of the
 * box alone, never at load; the wish is remembered on this device until the box is cleared. Loaded when it is needed.
 */

const KEPT = "streamgen.notices";
const ENDED = { complete: "is complete", paused: "has paused", cancelled: "was cancelled" };
const SENTENCES = {
  granted: "You are told when writing ends and this page is not in view.",
  denied: "Notices are blocked here; the browser's settings for this site can allow them.",
  default: "Without the browser's permission there are no notices.",
};

export function wireNotices(page, say) {
  const label = page.querySelector("[data-notices]");
  if (!label || !("Notification" in window)) return; // a browser without them, or an address without TLS
  const box = label.querySelector("input");
  label.hidden = false;
  box.checked = localStorage.getItem(KEPT) !== null && Notification.permission === "granted";
  box.addEventListener("change", async () => {
    if (!box.checked) return localStorage.removeItem(KEPT);
    const answer = await Notification.requestPermission();
    box.checked = answer === "granted";
    if (box.checked) localStorage.setItem(KEPT, "1");
    say(SENTENCES[answer]);
  });
  let before = page.dataset.status;
  new MutationObserver(() => {
    const status = page.dataset.status;
    if (before === "streaming" && ENDED[status] && box.checked && document.hidden) tell(page, status);
    before = status;
  }).observe(page, { attributeFilter: ["data-status"] });
}

function tell(page, status) {
  const title = page.querySelector("h1").textContent.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
  try {
    const body = page.querySelector('[data-field="notice"]').textContent;
    const notice = new Notification(`“\u2068${title}\u2069” ${ENDED[status]}`, { body, tag: location.pathname });
    notice.addEventListener("click", () => (window.focus(), notice.close()));
  } catch {
    // Browsers of phones want another way of sending it; there the title of the page has to do.
  }
}
