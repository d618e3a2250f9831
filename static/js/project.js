/** The page of a project: keeps the status of each document live while somebody looks and something is being written. */

import { announce, labelOf } from "./status.js";

const EVERY_MS = 2000;
const AFTER_FAILURE_MS = 5000;
const PATIENCE_MS = 3000;

const page = document.querySelector("[data-project]");
const words = JSON.parse(document.getElementById("project-words").textContent);
let timer = null;

for (const event of ["online", "pageshow"]) addEventListener(event, look);
document.addEventListener("visibilitychange", look);

function schedule(wait) {
  clearTimeout(timer);
  if (page.querySelector('[data-artifact][data-status="streaming"]')) timer = setTimeout(look, wait);
}

async function look() {
  if (document.visibilityState !== "visible") return;
  let wait = AFTER_FAILURE_MS;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS); // a line that died in its sleep never answers
    const answer = await fetch(page.dataset.project, { signal, headers: { Accept: "application/json" } });
    if (answer.ok) {
      (await answer.json()).artifacts.forEach(show);
      wait = EVERY_MS;
    }
  } catch {
    // The next look may find the server again.
  }
  schedule(wait);
}

function show(artifact) {
  const row = page.querySelector(`[data-artifact="${artifact.id}"]`);
  if (!row) return;
  const { status, title, sections_completed: completed, sections_total: total } = artifact;
  const { label, waiting } = labelOf(status, artifact.reason, words);
  const pill = row.querySelector('[data-field="pill"]');
  if (pill.textContent !== label) {
    announce(`${title}: ${label}`);
    pill.textContent = label;
  }
  row.dataset.status = pill.dataset.status = status;
  for (const element of [row, pill]) element.toggleAttribute("data-waiting", waiting);
  row.querySelector('[data-field="figures"]').textContent = total ? `${completed} of ${total} sections` : "";
  const progress = row.querySelector('[data-field="progress"]');
  progress.max = total || 1;
  progress.value = completed;
}
