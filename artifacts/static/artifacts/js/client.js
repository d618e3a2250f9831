/**
 * The client for browsers and Node, with the words of the Python one: it watches documents, and says what people want done with
 * them. In a page of the site itself the session is enough; elsewhere give a `token`, or a read-only `link`.
 *
 *     const client = new Client("https://docs.example.com", { token });
 *     for await (const event of client.watch(7)) if (event.type === "TextAdded") process.stdout.write(event.text);
 */

import { Line } from "./socket.js";
import { trouble, WatchedText } from "./watched-text.js";

const AWAY_MS = 900_000;
const TIMEOUT_MS = 30_000;
const TRIES = 5;
const AWAY = [502, 503, 504]; // the server for a moment; or what stands before it reaches none
const LONGEST_RETRY_MS = 10_000;
const ROWS_ASKED = 200; // of a list, in one answer: as many as there may be
const ERROR_OF = { 401: "SignInNeeded", 404: "NoSuchDocument" };

export { WatchedText };

export class Client {
  /** `server` is an installation's address, with its path. Every call ends with an `Error` that has one of the names in `client.d.ts`. */
  constructor(server, { token = "", link = "" } = {}) {
    const base = globalThis.location?.href;
    const url = new URL(server, base);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(`server must be an address that begins with http:// or https://, not ${server}`);
    this.base = url.origin + url.pathname.replace(/\/+$/, "");
    this.token = token;
    this.link = link;
  }

  /**
   * What becomes of a document, from `since` on, until its end; over every break of the line, nothing twice. With `goesOn` it
   * also stays for the texts after this one. It ends with `ServerAway` when nothing answers for `awayMs`.
   */
  async *watch(artifact, { since = null, goesOn = false, awayMs = AWAY_MS, document = new WatchedText(since), signal } = {}) {
    const place = this.link ? `${artifact}/link/${this.link}/` : `${artifact}/`;
    const events = [];
    let wake = () => {};
    let failure = null;
    let heard = Date.now();
    const fail = (error) => ((failure ??= error), wake());
    const way = {
      headers: this.headers(),
      onChange: ({ kind, detail }) => {
        if (kind === "signed-out") fail(trouble("SignInNeeded", detail || "Sign in, or give a token."));
        if (kind === "gone") fail(trouble("NoSuchDocument", detail || "There is no such document, or it is not yours."));
        if (kind === "lost") aim();
      },
      onFrame: (frame) => {
        heard = Date.now();
        try {
          events.push(...document.apply(frame));
        } catch (error) {
          if (document.base || document.isDoubted || error.name !== "TextDiffers") return fail(error);
          document.isDoubted = true; // once more, from the beginning
          document.forget();
          queueMicrotask(() => (aim(), line.open()));
        }
        aim();
        wake();
      },
    };
    const line = await this.line(place, way);
    const address = line.address;
    const aim = () => {
      const { place: at } = document;
      if ("last" in line) line.last = at ? `${at.epoch}:${at.offset}` : "";
      else line.address = address + (at ? `&epoch=${at.epoch}&offset=${at.offset}` : "");
    };
    const clock = setInterval(() => {
      const isOpen = line.socket?.readyState === 1 || (line.asking && !line.waiting);
      if (isOpen) heard = Date.now();
      else if (Date.now() - heard > awayMs) fail(trouble("ServerAway", "The server does not answer."));
    }, 1000);
    const left = () => fail(signal.reason);
    signal?.addEventListener("abort", left);
    try {
      aim();
      if (line.go) line.go();
      else line.open();
      while (true) {
        while (events.length) {
          const event = events.shift();
          if (event.type === "DocumentEnded") await agrees(document, event);
          yield event;
          if (event.type === "DocumentEnded" && !goesOn) return;
        }
        if (failure) throw failure;
        await new Promise((resolve) => (wake = resolve));
      }
    } finally {
      clearInterval(clock);
      signal?.removeEventListener("abort", left);
      line.close();
    }
  }

  /** A websocket where there are any that can bring what opens it; else server-sent events. */
  async line(place, way) {
    const bare = globalThis.document !== undefined;
    if (globalThis.WebSocket && !(bare && this.token)) {
      const options = this.token ? { headers: way.headers } : undefined;
      return new Line(`${this.base.replace(/^http/, "ws")}/ws/artifacts/${place}?format=text`, { ...way, options });
    }
    const { EventStream } = await import("./event-stream.js");
    return new EventStream(way, `${this.base}/api/artifacts/${place}events?format=text`);
  }

  /** The text as it stands now. */
  async text(artifact) {
    return (await this.artifact(artifact)).text;
  }

  /**
   * The text from `offset` on (code points), a bounded part of it; the newest text without an `epoch`. One that `waits` asks for
   * what is not there yet, and may come back without any after some seconds.
   */
  async part(artifact, { epoch = 0, offset = 0, waits = false } = {}) {
    const place = `${artifact}${this.link && `/link/${this.link}`}${epoch ? `/${epoch}` : ""}`;
    const query = `offset=${String(offset).padStart(16, "0")}${waits ? "&live=long-poll" : ""}`;
    const answer = await checked(await this.asked("GET", `/streams/artifacts/${place}?${query}`));
    const told = (name) => answer.headers.get(name) === "true";
    return {
      epoch: epoch || Number(new URL(answer.url).pathname.split("/").at(-1)),
      offset,
      text: await answer.text(),
      isLast: told("Stream-Closed"),
      isNewest: told("Stream-Up-To-Date"),
    };
  }

  /** Any call of the API, `path` without `/api`; the JSON of the answer, null for 204. A command comes with a key: it is done once. */
  async call(method, path, body) {
    const answer = await checked(await this.asked(method, `/api${path}`, body));
    return answer.status === 204 ? null : answer.json();
  }

  /** The answer, once the server is there. */
  async asked(method, path, body) {
    const headers = { ...this.headers(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
    const csrf = !this.token && globalThis.document?.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1];
    if (method !== "GET") headers["Idempotency-Key"] = newKey();
    if (csrf && method !== "GET") headers["X-CSRFToken"] = csrf;
    for (let number = 1; ; number += 1) {
      const asked = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
      const signal = AbortSignal.timeout?.(TIMEOUT_MS);
      const answer = await fetch(`${this.base}${path}`, { ...asked, signal }).catch(() => null);
      if (answer && !(await comesLater(answer))) return answer;
      if (number === TRIES) throw trouble("ServerAway", answer ? await detailOf(answer) : "The server does not answer.");
      const wait = answer ? 1000 * (Number(answer.headers.get("Retry-After")) || 1) : 250 * 2 ** number;
      await new Promise((resolve) => setTimeout(resolve, Math.min(wait, LONGEST_RETRY_MS)));
    }
  }

  /** All that the caller may see and that are not archived, the newest first. */
  async projects() {
    const found = [];
    for (let before = ""; ; before = `&before=${found.at(-1).id}`) {
      const more = await this.call("GET", `/projects?limit=${ROWS_ASKED}${before}`);
      found.push(...more);
      if (more.length < ROWS_ASKED) return found;
    }
  }

  project(project) {
    return this.call("GET", `/projects/${project}`);
  }

  createProject(title, description = "") {
    return this.call("POST", "/projects", { title, description });
  }

  addArtifact(project, phase, title = "") {
    return this.call("POST", `/projects/${project}/artifacts`, title ? { phase, title } : { phase });
  }

  artifact(artifact) {
    return this.call("GET", `/artifacts/${artifact}`);
  }

  start(artifact, wishes = {}) {
    return this.call("POST", `/artifacts/${artifact}/start`, wishes);
  }

  regenerate(artifact, wishes = {}) {
    return this.call("POST", `/artifacts/${artifact}/regenerate`, wishes);
  }

  pause(artifact) {
    return this.call("POST", `/artifacts/${artifact}/pause`);
  }

  resume(artifact, wishes) {
    return this.call("POST", `/artifacts/${artifact}/resume`, wishes);
  }

  cancel(artifact) {
    return this.call("POST", `/artifacts/${artifact}/cancel`);
  }

  delete(artifact) {
    return this.call("DELETE", `/artifacts/${artifact}`);
  }

  section(artifact, number) {
    return this.call("GET", `/artifacts/${artifact}/sections/${number}`);
  }

  editSection(artifact, number, text, { baseSha256 }) {
    return this.call("PUT", `/artifacts/${artifact}/sections/${number}`, { text, base_sha256: baseSha256 });
  }

  rewrite(artifact, number, wishes = {}) {
    return this.call("POST", `/artifacts/${artifact}/sections/${number}/rewrite`, wishes);
  }

  accept(draft) {
    return this.call("POST", `/artifacts/${draft}/accept`);
  }

  reject(draft) {
    return this.call("POST", `/artifacts/${draft}/reject`);
  }

  /** All that are kept, the newest first, without their texts. */
  async versions(artifact) {
    const found = [];
    for (let before = ""; ; ) {
      const { items, next } = await this.call("GET", `/artifacts/${artifact}/versions?limit=${ROWS_ASKED}${before}`);
      found.push(...items);
      if (next === null) return found;
      before = `&before=${next}`;
    }
  }

  version(artifact, number) {
    return this.call("GET", `/artifacts/${artifact}/versions/${number}`);
  }

  restore(artifact, number) {
    return this.call("POST", `/artifacts/${artifact}/versions/${number}/restore`);
  }

  headers() {
    return this.token ? { Authorization: `Bearer ${this.token}` } : {};
  }
}

/** Also where the first answer to a command was lost, and is still being made. */
async function comesLater(answer) {
  if (answer.status !== 409) return AWAY.includes(answer.status);
  return (await answer.clone().json().catch(() => ({}))).code === "idempotency_in_flight";
}

/** Another one each time; it need not be secret. */
function newKey() {
  return Array.from({ length: 3 }, () => Math.random().toString(36).slice(2)).join("-");
}

async function checked(answer) {
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const detail = problem.detail || `The server answered ${answer.status}.`;
  const more = { status: answer.status, code: problem.code ?? "", field: problem.field ?? "" };
  throw trouble(ERROR_OF[answer.status] ?? "CallRefused", detail, more);
}

async function detailOf(answer) {
  return (await answer.json().catch(() => ({}))).detail || "The server is busy.";
}

/** Whether the whole text is the one that the server has, where hashes can be made. */
async function agrees(document, { sha256 }) {
  const { subtle } = globalThis.crypto ?? {};
  if (document.base || !subtle) return;
  const digest = await subtle.digest("SHA-256", new TextEncoder().encode(document.text));
  const found = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  if (found !== sha256) throw trouble("TextDiffers", "The text is not the one that the server has, by its SHA-256.");
}
