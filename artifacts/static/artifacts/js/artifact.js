/** The live page of one document: puts its parts together. The server rendered what there was; here it is kept live. */

import { Commands } from "./commands.js";
import { LiveDocument } from "./document.js";
import { Follower } from "./follow.js";
import { wireKeys } from "./keys.js";
import { wireMenus } from "./menus.js";
import { Outline } from "./outline.js";
import { Line } from "./socket.js";
import { announce, Status } from "./status.js";
import { Toast } from "./toast.js";

const page = document.querySelector("[data-live]");
const words = JSON.parse(document.getElementById("live-data").textContent);
let epoch = words.epoch;

const text = new LiveDocument(page.querySelector("[data-document]"));
const status = new Status(page, words);
const follower = new Follower({ end: text.tail, button: page.querySelector("[data-jump]") });
const outline = new Outline(page.querySelector("[data-sections]"), text.root, {
  follows: () => follower.live && follower.following,
});
const news = new Toast(page.querySelector("[data-news]"));
const lineNews = new Toast(page.querySelector("[data-line]"));

const say = (sentence) => sentence && news.show(sentence, { seconds: 6 });
const commands = new Commands(page, { say, signedOut });
wireMenus(page, { text, say });
wireKeys(page, {
  c: () => commands.press("cancel"),
  p: () => commands.press("pause") || commands.press("resume"),
  End: () => follower.live && (follower.follow(), true),
  "?": () => (page.querySelector("[data-shortcuts]").showModal(), true),
});

const scheme = location.protocol === "https:" ? "wss" : "ws";
const address = `${scheme}://${location.host}${words.socket}`;
const line = new Line(address, { onFrame, onChange });
page.querySelector("[data-retry]").addEventListener("click", () => line.retry());

// A link to a section that is not written yet leads there when it is, unless the reader has left the end.
let awaited = location.hash && !target();
follower.growing = page.dataset.status === "streaming";
const arrived = performance.getEntriesByType("navigation")[0]?.type === "navigate";
if (arrived && (awaited || !location.hash)) follower.follow();
line.open();

/** The heading that the address names. */
function target() {
  try {
    return document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null; // a lone percent sign
  }
}

function lead() {
  awaited &&= follower.following;
  if (!awaited || !target()) return;
  awaited = false;
  target().scrollIntoView();
  follower.leave();
}

function onFrame(frame) {
  if (frame.type === "snapshot") {
    if (frame.epoch !== epoch) begunAnew(frame.epoch);
    text.show(0, frame.fragments, frame.tail, frame.more);
  } else if (frame.type === "preview") {
    if (frame.epoch === epoch && !text.show(frame.from, frame.fragments, frame.tail, frame.more)) line.open();
  }
  if (frame.state) {
    if (frame.state.status !== page.dataset.status) {
      news.hide(); // it told of the status before
      commands.forget();
    }
    status.show(frame.state);
  }
  follower.growing = page.dataset.status === "streaming";
  lead();
  follower.grown();
  outline.show({ sections: frame.state?.sections, headings: text.headingsChanged });
  text.headingsChanged = false;
}

/** Another epoch: the text before it has become an earlier version. */
async function begunAnew(number) {
  epoch = number;
  text.show(0, [], "");
  status.restart();
  const answer = await fetch(`${location.pathname}?part=versions`).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  status.retime(JSON.parse(fresh.getElementById("live-data").textContent));
  for (const part of ["[data-versions]", "[data-outdated]"]) page.querySelector(part).replaceWith(fresh.querySelector(part));
}

function onChange({ kind, detail }) {
  if (!status.state && line.attempts > 1) import("./fallback.js").then((way) => way.fallBack(line, words));
  page.dataset.connection = kind;
  page.querySelector("[data-retry]").hidden = kind !== "lost";
  if (kind === "open") lineNews.hide();
  else if (kind === "lost") lineNews.show(detail || "Connection lost. Trying again…");
  else if (kind === "signed-out") signedOut();
  else if (kind === "gone") gone(detail);
}

function signedOut() {
  line.close();
  status.halt();
  follower.growing = false;
  import("./signed-out.js").then((way) => way.signOut(page));
  page.querySelector("[data-sign-in]").hidden = false;
  lineNews.show("You are signed out.");
  announce("You are signed out.");
}

/** What is on the page stays readable; nothing can be done with it any more. */
function gone(detail) {
  page.dataset.status = "deleted";
  status.put("pill", "Gone").dataset.status = "deleted";
  follower.growing = false;
  lineNews.show(detail);
  page.querySelector("[data-back]")?.removeAttribute("hidden");
  announce(detail);
}
