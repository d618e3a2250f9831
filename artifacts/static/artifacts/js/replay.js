/** The page of a replay: it plays how a document was written, faster, from any point, and shows nothing live. */

import { LiveDocument } from "./document.js";
import { Follower } from "./follow.js";
import { Line } from "./socket.js";

const page = document.querySelector("[data-replay]");
const player = page.querySelector("[data-player]");
const [play, speed, place, told] = ["play", "speed", "place", "told"].map((name) => player.querySelector(`[data-${name}]`));
const text = new LiveDocument(page.querySelector("[data-document]"));
const follower = new Follower({ end: text.tail, button: page.querySelector("[data-jump]") });
const scheme = location.protocol === "https:" ? "wss" : "ws";
const address = `${scheme}://${location.host}${page.dataset.socket}`;
const line = new Line(address, { onFrame, onChange });

let playing = false;
let seeking = false; // only the text at that place is wanted
let dragging = false;

player.hidden = false;
play.addEventListener("click", () => (playing ? rest("Paused") : start()));
speed.addEventListener("change", () => playing && begin());
place.addEventListener("input", () => ((dragging = true), say()));
place.addEventListener("change", () => {
  dragging = false;
  seeking = !playing;
  begin();
});
player.addEventListener("submit", (event) => event.preventDefault());
say();
playWished(new URLSearchParams(location.search));

/** What the address asks for, `?replay=SPEED&from=N`: a making that somebody is shown plays by itself. */
function playWished(wished) {
  const asked = Number(wished.get("replay"));
  if (!(asked >= 1 && asked <= 50)) return;
  if (![...speed.options].some(({ value }) => Number(value) === asked)) speed.add(new Option(`${asked}×`, asked));
  speed.value = asked;
  place.value = Number(wished.get("from")) || 0;
  start();
}

function start() {
  if (Number(place.value) >= Number(place.max)) place.value = 0;
  seeking = false;
  begin();
}

/** From the place on; a line that is lost goes on where it was. */
function begin() {
  playing = true;
  follower.growing = true;
  follower.follow();
  play.textContent = "Pause";
  aim();
  line.open();
}

function aim() {
  line.address = `${address}&replay=${speed.value}&from=${place.value}`;
}

function rest(words) {
  line.close();
  playing = seeking = false;
  play.textContent = "Play";
  say(words);
  arrived();
}

/** Whoever follows is brought to the end of what came last, too. */
function arrived() {
  if (follower.frame) requestAnimationFrame(() => playing || arrived());
  else follower.growing = false;
}

function onFrame(frame) {
  if (!playing) return line.close(); // the browser brought the page back
  if (frame.type === "snapshot") {
    text.show(0, frame.fragments, frame.tail, frame.more);
    if (follower.following) follower.jumped({ following: true }); // the page became shorter: nobody scrolled up
  }
  if (frame.type === "preview" && !text.show(frame.from, frame.fragments, frame.tail, frame.more)) return line.open();
  if ("offset" in frame && !frame.more && !dragging) {
    place.max = Math.max(place.max, frame.offset);
    place.value = frame.offset;
    aim();
  }
  follower.grown();
  say(frame.state?.current_section);
  if (frame.type === "end") rest("The end");
  else if (seeking && !frame.more && "offset" in frame) rest("Paused");
}

function onChange({ kind, detail }) {
  if (kind === "lost") say(detail || "Connection lost. Trying again…");
  else if (kind !== "open") rest(detail || "You are signed out.");
}

function say(words = told.dataset.words || "") {
  told.dataset.words = words;
  const [now, all] = [place.value, place.max].map((number) => Number(number).toLocaleString("en-US"));
  told.textContent = `${now} of ${all} characters${words ? ` · ${words}` : ""}`;
  place.setAttribute("aria-valuetext", `${now} of ${all} characters`);
}
