/**
 * The way to the server where no websocket ever opened: the same frames as server-sent events. Loaded only then.
 * It says so once, with what a proxy needs, because nobody else would tell.
 */

import { EventStream } from "./event-stream.js";

const PROXY = `proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection "upgrade";`;

let trying = false;

/** Take the place of a `Line` that never opened, if this way is open; else it goes on trying. */
export async function fallBack(line, { socket, origin }) {
  if (trying) return;
  trying = true;
  const stream = new EventStream(line, socket.replace("/ws/artifacts/", "/api/artifacts/").replace("?", "events?"));
  const answer = await stream.ask();
  trying = false;
  if (!answer || line.socket?.readyState === WebSocket.OPEN) return stream.close();
  line.close();
  // Whoever has the line, its own listeners too, has this from now on.
  for (const verb of ["open", "close", "retry"]) line[verb] = () => stream[verb]();
  line.wake = line.retry;
  explain(origin);
  stream.read(answer);
}

function explain(origin) {
  const note = document.createElement("div");
  note.className = "toast";
  note.dataset.fallback = "";
  const words = document.createElement("p");
  words.textContent = "The websocket of this page was never open, so the text comes in another way. ";
  if (location.origin !== origin) {
    words.textContent += `You opened ${location.origin}, the server was asked as ${origin}: set PUBLIC_URL to the address that people open. `;
  }
  words.textContent += "A proxy in front must pass the upgrade; nginx needs:";
  const lines = document.createElement("pre");
  lines.textContent = PROXY;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "link";
  close.textContent = "Close";
  close.addEventListener("click", () => note.remove());
  const column = document.createElement("div");
  column.append(words, lines);
  note.append(column, close);
  document.querySelector(".toasts").append(note);
}
