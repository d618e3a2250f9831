/** The line to the server: a websocket that acknowledges, notices silence, and reconnects. It knows frames by their envelope. */

const ACK_CHARACTERS = 64 * 1024;
const ACK_MS = 1000;
const PULSE_MS = 20000; // how often we ask whether the server is still there
const SILENCE_MS = 10000; // how long it may take to answer
const OPENING_MS = 2500; // or to open; twice as long after each try
const WOKEN_MS = 1500; // or to answer when the page wakes
const LATE_MS = 500; // a timer so late: the page was held up
const LEAP_MS = 5000; // a clock that leaps so far: it slept
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15000;

const SIGNED_OUT = 4401;
const NOT_THERE = 4404;
const REFUSED = [4409, 4429]; // come back, but slowly

export class Line {
  /**
   * `onFrame(frame)` applies one frame. `onChange({kind, detail})` tells how the line stands: `open`; `lost`, with what the
   * server said of it; `signed-out`; `gone`. `signal` ends its watch over the page; `options` are those of the socket.
   */
  constructor(address, { onFrame, onChange, signal, options }) {
    Object.assign(this, { address, onFrame, onChange, options, attempts: 0 });
    const page = globalThis.document;
    if (!page) return; // no page can sleep
    const wake = () => this.wake();
    addEventListener("online", wake, { signal });
    page.addEventListener("resume", wake, { signal }); // it may be hidden still
    page.addEventListener("visibilitychange", () => page.visibilityState === "visible" && wake(), { signal });
    addEventListener("pagehide", () => this.close(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.open(), { signal });
    let then = Date.now();
    const clock = setInterval(() => {
      if (signal?.aborted) clearInterval(clock);
      if (Date.now() > then + LEAP_MS) wake();
      then = Date.now();
    }, 1000);
  }

  open() {
    this.close();
    this.applied = null;
    this.unacknowledged = 0;
    const socket = new WebSocket(this.address, this.options);
    this.socket = socket;
    this.detail = "";
    this.listen();
    socket.onopen = () => this.socket === socket && this.listen();
    socket.onmessage = (event) => this.socket === socket && this.receive(event.data);
    socket.onclose = (event) => this.socket === socket && this.ended(event.code);
  }

  /** Leave without coming back. */
  close() {
    const socket = this.socket;
    this.socket = null;
    for (const timer of [this.waiting, this.pulse, this.silence, this.acknowledging]) clearTimeout(timer);
    this.waiting = this.acknowledging = null;
    this.waking = false;
    socket?.close();
  }

  /** The page slept, and the line may be dead without knowing it. */
  wake() {
    this.retry();
    if (!this.socket || this.waking) return;
    this.waking = true;
    this.ask(WOKEN_MS);
  }

  /** Cut a wait short. */
  retry() {
    if (this.waiting) this.open();
  }

  receive(data) {
    this.listen();
    const { socket } = this;
    const frame = JSON.parse(data);
    if (frame.type === "error") this.detail = frame.detail;
    this.onFrame(frame);
    if (frame.type === "snapshot") {
      this.attempts = 0;
      this.onChange({ kind: "open" });
    }
    if (this.socket !== socket) return; // it was closed or begun anew meanwhile
    if ("offset" in frame) this.applied = { epoch: frame.epoch, offset: frame.offset };
    this.unacknowledged += data.length;
    if (this.unacknowledged >= ACK_CHARACTERS) this.acknowledge();
    else this.acknowledging ??= setTimeout(() => this.acknowledge(), ACK_MS);
  }

  acknowledge() {
    clearTimeout(this.acknowledging);
    this.acknowledging = null;
    if (!this.applied) return;
    this.unacknowledged = 0;
    this.send({ type: "ack", ...this.applied });
  }

  /** A sign of life, or the first moment. */
  listen() {
    clearTimeout(this.pulse);
    clearTimeout(this.silence);
    this.waking = false;
    if (this.socket.readyState === WebSocket.OPEN) this.pulse = setTimeout(() => this.ask(SILENCE_MS), PULSE_MS);
    else this.expect(Math.min(SILENCE_MS, OPENING_MS * 2 ** this.attempts));
  }

  ask(patience) {
    this.send({ type: "ping" });
    this.expect(patience);
  }

  /** Give the line up unless it is heard in time; a page that was held up looks again. */
  expect(patience, again = true) {
    clearTimeout(this.silence);
    const due = performance.now() + patience;
    this.silence = setTimeout(() => {
      if (again && performance.now() > due + LATE_MS) this.expect(LATE_MS, false);
      else this.dropped();
    }, patience);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** A line that is dead without having been closed. */
  dropped() {
    const { waking } = this;
    this.ended(1006);
    if (waking) this.open();
  }

  ended(code) {
    this.close();
    if (code === SIGNED_OUT) return this.onChange({ kind: "signed-out" });
    if (code === NOT_THERE) return this.onChange({ kind: "gone", detail: this.detail });
    // The random part keeps a crowd from coming back as one.
    const usual = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.attempts);
    const longest = REFUSED.includes(code) ? LONGEST_WAIT_MS * 2 : usual;
    const wait = longest * (0.6 + 0.4 * Math.random());
    this.attempts += 1;
    this.waiting = setTimeout(() => this.retry(), wait);
    this.onChange({ kind: "lost", detail: this.detail });
  }
}
