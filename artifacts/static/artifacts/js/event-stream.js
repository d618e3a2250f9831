/**
 * A document's frames as server-sent events, where no websocket is to be had. It stands in for a `Line`: the same verbs, and
 * `onFrame` and `onChange` are told the same.
 */

const RETRY_MS = 2000;
const LONGEST_WAIT_MS = 15000;
const SILENCE_MS = 40000; // the server says something every 15 s
const OVER_MS = 10000; // after the end: is it written anew?

export class EventStream {
  constructor({ onFrame, onChange, headers = {} }, address) {
    Object.assign(this, { onFrame, onChange, headers, address, last: "", attempts: 0 });
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
    // In the address, because a header would have to be asked for first where the page is of another site.
    const address = this.last ? `${this.address}&lastEventId=${this.last}` : this.address;
    const { headers } = this;
    const answer = await fetch(address, { headers, signal: asking.signal, cache: "no-store" }).catch(() => null);
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
