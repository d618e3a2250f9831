/** The editor of one section: a preview while one types, and words that survive a reload until they are saved. */

import { keepReachable } from "../../artifacts/js/reach.js";

const PREVIEW_MS = 250;
const KEEP_MS = 300;
const PATIENCE_MS = 20000;

const form = document.querySelector("[data-editor]");
const text = form.elements.text;
const shown = form.querySelector("[data-preview]");
const kept = document.querySelector("[data-kept]");
const refusal = document.querySelector("[data-refusal]");
const onPage = text.defaultValue;
let previewing = null;
let isSaved = false;

form.querySelector("[data-without-script]").hidden = true;

/** The latest wish wins: an older answer that comes late is dropped. */
async function preview() {
  previewing?.abort();
  const mine = (previewing = new AbortController());
  const body = new FormData(form);
  try {
    const answer = await fetch(form.dataset.previewAt, { method: "POST", body, signal: mine.signal });
    if (!answer.ok) return;
    shown.innerHTML = (await answer.json()).html; // sanitised by the server
    keepReachable(shown);
  } catch (error) {
    if (error.name !== "AbortError") shown.dataset.stale = "";
  }
}

function keep() {
  if (isSaved) return;
  if (!kept.hidden && text.value === onPage) return; // what is offered is dropped by who wrote it alone
  try {
    if (text.value === onPage && !("typed" in form.dataset)) localStorage.removeItem(form.dataset.key);
    else localStorage.setItem(form.dataset.key, JSON.stringify({ base: form.elements.base.value, text: text.value }));
  } catch {
    // A full or forbidden store: the words stay on the page.
  }
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(form.dataset.key));
  } catch {
    return null;
  }
}

function bringBack(words) {
  text.value = words;
  kept.hidden = true;
  keep();
  preview();
}

/** What the server has is kept here no longer. Whatever else it says it says on a page, as without this module. */
async function save(event) {
  if (event.submitter?.name !== "save") return;
  event.preventDefault();
  if (form.ariaBusy === "true") return;
  form.ariaBusy = "true";
  keep();
  try {
    const body = new FormData(form, event.submitter);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(location.href, { method: "POST", body, signal, headers: { Accept: "application/json" } });
    if (!answer.ok || !answer.headers.get("Content-Type").startsWith("application/json")) return form.submit();
    const saved = await answer.json();
    isSaved = true;
    localStorage.removeItem(form.dataset.key);
    location.assign(saved.location);
  } catch {
    refusal.textContent = "The server does not answer. What you typed stays here; save it again in a moment.";
    refusal.hidden = false;
    form.ariaBusy = null;
  }
  return undefined;
}

function later(act, delay_ms) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, delay_ms);
  };
}

const previewSoon = later(preview, PREVIEW_MS);
const keepSoon = later(keep, KEEP_MS);
text.addEventListener("input", () => {
  previewSoon();
  keepSoon();
});
form.addEventListener("submit", save);
addEventListener("pagehide", keep);
addEventListener("pageshow", () => isSaved && location.reload()); // back at a page whose text stands in the document
text.addEventListener("keydown", (event) => {
  if (event.key === "s" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(form.elements.save);
  }
});

const unsaved = read();
if (unsaved && !("typed" in form.dataset)) {
  if (unsaved.text.trim() === onPage.trim()) localStorage.removeItem(form.dataset.key); // it was saved
  else if (unsaved.base === form.elements.base.value) bringBack(unsaved.text);
  else {
    // Somebody changed the section since: whose words stand is for the writer to say.
    kept.hidden = false;
    kept.querySelector("[data-bring-back]").addEventListener("click", () => bringBack(unsaved.text));
    kept.querySelector("[data-drop]").addEventListener("click", () => {
      kept.hidden = true;
      keep();
      text.focus();
    });
  }
}
