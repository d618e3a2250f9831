/** What the document waits for was true when the page was made: it goes with the first text that comes. */

const line = document.querySelector("[data-waits]");
const watcher = new MutationObserver(() => {
  line.remove();
  watcher.disconnect();
});
// The live page shows once what is there already; what changes after that is new text.
setTimeout(
  () => watcher.observe(document.querySelector("[data-document]"), { childList: true, characterData: true, subtree: true }),
  1500,
);
