/** The text of a document as frames bring it: each says what is new, however often the line broke in between. */

export class WatchedText {
  /** `since` is where the caller's own text ends, if it has some: `{epoch, offset}`, in code points. */
  constructor(since) {
    this.epoch = since?.epoch ?? 0;
    this.base = since?.offset ?? 0;
    this.state = null;
    this.points = [];
  }

  /** What came: all of it, or what stands behind `since`. */
  get text() {
    return this.points.join("");
  }

  /** Where to go on; null before anything came. */
  get place() {
    return this.epoch ? { epoch: this.epoch, offset: this.base + this.points.length } : null;
  }

  /** Take the text as unknown, so that all of it is asked for. */
  forget() {
    Object.assign(this, { epoch: 0, base: 0, points: [] });
  }

  /** The events of a frame, in order; an `Error` of the name `TextDiffers` or `ProtocolViolated` where they do not join. */
  apply(frame) {
    const events = [];
    const { epoch, type } = frame;
    if (type === "snapshot" && epoch !== this.epoch) {
      this.forget();
      this.epoch = epoch;
      events.push({ type: "EpochBegan", epoch });
    }
    if (["delta", "state", "end"].includes(type) && epoch !== this.epoch) {
      throw trouble("ProtocolViolated", `A frame of epoch ${epoch} came before its snapshot.`);
    }
    if (frame.state && JSON.stringify(frame.state) !== JSON.stringify(this.state)) {
      this.state = frame.state;
      events.push({ type: "StateChanged", epoch, state: frame.state });
    }
    if (typeof frame.text === "string") events.push(...this.placed(frame.offset, [...frame.text]));
    if (type === "end") {
      if (this.base + this.points.length !== frame.offset) {
        throw trouble("TextDiffers", `The text ends at ${frame.offset}, here at ${this.base + this.points.length}.`);
      }
      events.push({ type: "DocumentEnded", epoch, offset: frame.offset, status: frame.state.status, sha256: frame.sha256 });
    }
    return events;
  }

  placed(offset, points) {
    const { epoch } = this;
    const at = offset - this.base;
    if (at < 0) return points.length + at > 0 ? this.placed(this.base, points.slice(-at)) : [];
    if (points.length && at > this.points.length) {
      throw trouble("ProtocolViolated", `The text at ${offset} came before that at ${this.base + this.points.length}.`);
    }
    const events = [];
    const known = this.points.slice(at, at + points.length);
    if (known.some((point, index) => point !== points[index])) {
      if (this.base) throw trouble("TextDiffers", `The text at ${offset} is not the one that came before.`);
      // What was told before the break is not what the server has: all of it once more.
      points = [...this.points.slice(0, at), ...points];
      this.points = [];
      events.push({ type: "EpochBegan", epoch });
    } else {
      points = points.slice(known.length);
    }
    if (points.length) {
      events.push({ type: "TextAdded", epoch, offset: this.base + this.points.length, text: points.join("") });
      for (const point of points) this.points.push(point);
    }
    return events;
  }
}

export function trouble(name, detail, more) {
  return Object.assign(new Error(detail), { name }, more);
}
