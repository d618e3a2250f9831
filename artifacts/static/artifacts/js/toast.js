/** A sentence that floats over the page, for a moment or until it is taken back. */

export class Toast {
  constructor(element) {
    this.element = element;
  }

  show(text, { seconds } = {}) {
    clearTimeout(this.timer);
    const place = this.element.querySelector("p");
    if (place.textContent !== text) place.textContent = text;
    this.element.hidden = false;
    if (seconds) this.timer = setTimeout(() => this.hide(), seconds * 1000);
  }

  hide() {
    this.element.hidden = true;
  }
}
