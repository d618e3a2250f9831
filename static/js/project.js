/** The page of a project: keeps the status of each document live while somebody looks and something is being written. */

import { announce } from "./status.js";

const EVERY_MS = 2000;
const REST_MS = 15000; // nothing is being written, or the server does not answer

const page = document.querySelector("[data-project]");
const words = JSON.parse(document.getElementById("project-words").textContent);
let timer = null;

document.addEventListener("visibilitychange", look);
schedule();

function schedule(failed = false) {
  const writing = page.querySelector('[data-artifact][data-status="streaming"]') !== null;
  clearTimeout(timer);
  timer = setTimeout(look, writing && !failed ? EVERY_MS : REST_MS);
}

async function look() {
  clearTimeout(timer);
  if (document.visibilityState !== "visible") return;
  let answered = false;
  try {
    const answer = await fetch(`/api/projects/${page.dataset.project}`, { headers: { Accept: "application/json" } });
    answered = answer.ok;
    if (answered) (await answer.json()).artifacts.forEach(show);
  } catch {
    // The next look may find the server again.
  }
  schedule(!answered);
}

function show(artifact) {
  const row = page.querySelector(`[data-artifact="${artifact.id}"]`);
  if (!row) return;
  const { status, title, sections_completed: completed, sections_total: total } = artifact;
  const waiting = status === "streaming" && words.calm.includes(artifact.reason);
  const pill = row.querySelector('[data-field="pill"]');
  const label = waiting ? words.waiting : words.statuses[status];
  if (pill.textContent !== label) {
    announce(`${title}: ${label}`);
    pill.textContent = label;
  }
  row.dataset.status = pill.dataset.status = status;
  pill.toggleAttribute("data-waiting", waiting);
  row.querySelector('[data-field="figures"]').textContent = total ? `${completed} of ${total} sections` : "";
  const progress = row.querySelector('[data-field="progress"]');
  progress.max = total || 1;
  progress.value = completed;
}
