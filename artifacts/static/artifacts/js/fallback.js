/**
 * The way to the server where no websocket ever opened: the same frames as server-sent events. Loaded only then.
 * It says so once, with what a proxy needs, because nobody else would tell.
 */

const RETRY_MS = 2000;
const LONGEST_WAIT_MS = 15000;
const SILENCE_MS = 40000; // the server says something every 15 s
const OVER_MS = 10000; // after the end: is it written anew?
const PROXY = `proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection "upgrade";`;

let trying = false;

/** Take the place of a `Line` that never opened, if this way is open; else it goes on trying. */
export async function fallBack(line, { socket, origin }) {
  if (trying) return;
  trying = true;
  const stream = new Stream(line, socket.replace("/ws/artifacts/", "/api/artifacts/").replace("?", "events?"));
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

class Stream {
  constructor({ onFrame, onChange }, address) {
    Object.assign(this, { onFrame, onChange, address, last: "", attempts: 0 });
  }

  /** From the beginning: what is shown does not join what comes. */
  open() {
    this.last = "";
    this.go();
  }

  close() {
    clearTimeout(this.waiting);
    clearTimeout(this.silence);
    this.waiting = null;
    this.asking?.abort();
    this.asking = null;
  }

  /** Cut a wait short. */
  retry() {
    if (this.waiting) this.go();
  }

  async go() {
    const answer = await this.ask();
    if (answer) this.read(answer);
    else if (this.asking) this.rest(Math.min(LONGEST_WAIT_MS, RETRY_MS * 2 ** this.attempts++));
  }

  /** The answer, if there is one that can be read. */
  async ask() {
    this.close();
    const asking = new AbortController();
    this.asking = asking;
    this.listen();
    const headers = this.last ? { "Last-Event-ID": this.last } : {};
    const answer = await fetch(this.address, { headers, signal: asking.signal, cache: "no-store" }).catch(() => null);
    const over = answer?.status === 401 ? "signed-out" : answer?.status === 404 ? "gone" : "";
    if (this.asking !== asking) return null; // closed or begun anew meanwhile
    if (over) {
      const { detail } = await answer.json();
      this.close();
      this.onChange({ kind: over, detail });
    }
    return !over && answer?.ok ? answer : null;
  }

  /** To its end, or to where it breaks off; the next one goes on there. */
  async read(answer) {
    const { asking } = this;
    this.attempts = 0;
    this.detail = "";
    try {
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader(); // none where nothing is new
      let rest = "";
      for (let piece; reader && !(piece = await reader.read()).done; ) {
        this.listen();
        const events = (rest + piece.value).split("\n\n");
        rest = events.pop();
        events.forEach((event) => this.take(event));
      }
    } catch {
      // It broke off, or was silent for too long.
    }
    if (this.asking === asking) this.rest(this.last.endsWith(":end") ? OVER_MS : RETRY_MS);
  }

  take(event) {
    const field = (name) => event.match(new RegExp(`^${name}: ?(.*)$`, "m"))?.[1];
    const data = field("data");
    if (!data) return;
    const frame = JSON.parse(data);
    if (frame.type === "error") this.detail = frame.detail;
    this.last = field("id") ?? this.last;
    this.onFrame(frame);
    if (frame.type === "snapshot") this.onChange({ kind: "open" });
  }

  /** A sign of life. */
  listen() {
    clearTimeout(this.silence);
    const { asking } = this;
    this.silence = setTimeout(() => asking.abort(), SILENCE_MS);
  }

  rest(wait) {
    this.close();
    // The random part keeps a crowd from coming back as one.
    this.waiting = setTimeout(() => this.retry(), wait * (0.6 + 0.4 * Math.random()));
    if (wait !== OVER_MS) this.onChange({ kind: "lost", detail: this.detail });
  }
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
