/** The state of a document on the page: pill, figures, running times, notice, title, and what a screen reader hears. Text, never HTML. */

const RATE_MS = 8000; // tokens per second are those of the last seconds
const CLOCKED = /^(waiting|thinking for) (\d+) s\W*(.*?)\.?$/is; // as of the moment it was written

export class Status {
  /** `words` has the labels of statuses and reasons; `page` carries the status for the style sheet. */
  constructor(page, words) {
    this.page = page;
    this.words = words;
    this.state = null;
    this.samples = [];
    this.title = document.title;
    this.time(words);
    this.hear(words.cause, words.cause.age_s);
    this.timer = setInterval(() => this.tick(), 1000);
  }

  /** Why nothing is written, and since when. */
  hear({ reason, last_error: error }, age_s = 0) {
    if (reason !== this.reason || error !== this.error) this.heard = Date.now() - age_s * 1000;
    Object.assign(this, { reason, error });
    this.explain();
  }

  /** Times of this page's own clock: a pause counts, as it does for the server. */
  time({ age_s, elapsed_s }) {
    this.began = age_s === null ? null : performance.now() - age_s * 1000;
    this.ended = this.began + elapsed_s * 1000;
  }

  /** What the server says of a text that was put in the place of another, unless it grows here already. */
  retime(words) {
    if (this.began !== null) return;
    this.time(words);
    this.tick();
  }

  /** The document is written anew: time and speed begin at nought. */
  restart() {
    this.began = null;
    this.samples = [];
  }

  halt() {
    clearInterval(this.timer);
  }

  show(state) {
    const before = this.state;
    this.state = state;
    const { status, reason, sections_total: total, sections_completed: completed } = state;
    const { label, waiting } = labelOf(status, reason, this.words);
    this.keepTime(status, status === "streaming" && !waiting);
    for (const element of [this.page, this.put("pill", label)]) {
      element.dataset.status = status;
      element.toggleAttribute("data-waiting", waiting);
    }
    this.hear(state);
    this.put("sections", `${completed} of ${total}`);
    this.put("tokens", state.tokens_generated.toLocaleString("en"));
    this.put("cost", (state.cost_estimated > 0 ? "~" : "") + state.cost);
    const model = state.sections.find((section) => section.model)?.model;
    this.put("model", model ? `Written by ${model}` : "");
    const progress = this.field("progress");
    progress.max = total || 1;
    progress.value = completed;
    this.name(status, completed, total);
    this.tick();
    if (before) this.tell(before);
  }

  /** Below title and text: the section, or why and where it stopped. */
  explain() {
    const { reason, error, words } = this;
    const { status, current_section: section, sections_total: total } = this.state ?? words.cause;
    const clocked = this.clocked();
    const text = clocked || (reason || error ? (words.reasons[reason] ?? "Something went wrong.") : "");
    this.put("notice", text);
    this.put("detail", clocked ? "" : error);
    const box = this.page.querySelector("[data-end]");
    box.hidden = !text;
    box.toggleAttribute("data-trouble", Boolean(text) && !(reason in words.labels));
    for (const offer of this.page.querySelectorAll("[data-reasons]")) {
      const fits = offer.dataset.reasons.split(" ").includes(reason);
      if (offer.matches("details")) offer.open ||= fits; // for any other it is there, folded
      else offer.hidden = !fits;
    }
    let now = text || section;
    if (reason === "user") now = section ? `Stopped in ${section}` : "Stopped by hand";
    if (status === "complete") now = total > 1 ? `All ${total} sections are written` : "It is written";
    this.put("now", now);
  }

  /** The sentence whose time runs on, as of now; "" for any other. */
  clocked() {
    const [, verb, seconds, cause] = CLOCKED.exec(this.error) ?? [];
    if (!verb || !(this.reason in this.words.labels)) return "";
    const passed = (Date.now() - this.heard) / 1000;
    if (!/^w/i.test(verb)) return `The model is thinking, ${span(+seconds + passed)}.`;
    const left = seconds - passed;
    const end = /[.!?]"$/.test(cause) ? "" : ".";
    return `Trying again ${left < 1 ? "now" : `in ${span(left)}`}: ${cause}${end}`; // a narrow bar cuts the end
  }

  keepTime(status, writing) {
    const now = performance.now();
    if (writing) this.began ??= now;
    if (this.running && status !== "streaming") this.ended = now;
    this.running = status === "streaming" && this.began !== null;
    const { tokens_generated: tokens } = this.state;
    if (tokens < this.samples.at(-1)?.tokens) this.samples = [];
    this.samples.push({ at: now, tokens });
  }

  tick() {
    if (this.clocked()) this.explain();
    if (!this.state) return;
    const now = performance.now();
    const elapsed = this.began === null ? null : (this.running ? now : this.ended) - this.began;
    this.put("elapsed", elapsed === null ? "–" : clock(elapsed / 1000));
    const speed = this.speed(now, elapsed);
    this.put("speed", speed === null ? "–" : speed.toLocaleString("en")).toggleAttribute("data-none", speed === null);
  }

  /** Tokens per second: of the last seconds, in the end of all; null where it says nothing. */
  speed(now, elapsed) {
    const tokens = this.state.tokens_generated;
    if (!this.running) return tokens && elapsed >= 1000 ? Math.round(tokens / (elapsed / 1000)) : null;
    while (this.samples.length > 1 && this.samples[1].at < now - RATE_MS) this.samples.shift();
    const first = this.samples[0];
    const seconds = (now - first.at) / 1000;
    return seconds >= 1 ? Math.round((tokens - first.tokens) / seconds) : null;
  }

  name(status, completed, total) {
    const marks = { streaming: `${completed}/${total}`, paused: "Paused", complete: "Done" };
    document.title = marks[status] ? `${marks[status]} · ${this.title}` : this.title;
  }

  /** Sections and statuses are told, words and times are not. */
  tell(before) {
    const { status, reason, current_section: section, sections_completed: completed, sections_total: total } = this.state;
    const news = [];
    if (status !== before.status || reason !== before.reason) {
      news.push(...["pill", "notice", "detail"].map((field) => this.field(field).textContent.replace(/\w$/, "$&.")));
    }
    if (section && section !== before.current_section) news.push(`Section ${completed + 1} of ${total}: ${section}.`);
    if (news.join("")) announce(news.filter(Boolean).join(" "));
  }

  put(field, text) {
    const element = this.field(field);
    if (element.textContent !== String(text)) element.textContent = text;
    return element;
  }

  field(name) {
    return this.page.querySelector(`[data-field="${name}"]`);
  }
}

/** Say it to screen readers, when they are done with what they are saying. */
export function announce(text) {
  document.querySelector("[data-announce]").textContent = text;
}

/** What a status is called where it waits or thinks for that reason. */
export function labelOf(status, reason, { statuses, labels }) {
  const label = (status === "streaming" && labels[reason]) || statuses[status];
  return { label, waiting: label === labels.queued };
}

function span(seconds) {
  const rest = `${Math.floor(seconds % 60)} s`;
  return seconds < 60 ? rest : `${Math.floor(seconds / 60)} min ${rest}`;
}

function clock(seconds) {
  const two = (number) => String(Math.floor(number)).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
