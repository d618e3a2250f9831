/** The page's forms, sent without leaving it, and the dialogs that ask first. What a verb changes comes back over the line. */

export class Commands {
  /** `say(text)` shows a sentence for a moment; `signedOut()` is called where the server wants a new sign-in. */
  constructor(page, { say, signedOut }) {
    this.page = page;
    this.say = say;
    this.signedOut = signedOut;
    page.addEventListener("submit", (event) => this.submitted(event));
    const asked = page.querySelector("dialog[data-ask][open]");
    if (asked) {
      // It was rendered open, for those without this module.
      asked.close();
      asked.showModal();
    }
  }

  submitted(event) {
    const form = event.target;
    if (form.dataset.asks) {
      event.preventDefault();
      this.ask(form.dataset.asks);
    } else if (form.dataset.command && event.submitter?.formMethod !== "dialog") {
      event.preventDefault();
      this.send(form, event.submitter);
    }
  }

  ask(verb) {
    const dialog = this.page.querySelector(`dialog[data-ask="${verb}"]`);
    if (dialog.open) return;
    this.refusals(dialog.querySelector("form"), {});
    dialog.showModal();
  }

  /** Press a verb's button, if it is shown. */
  press(verb) {
    const form = this.page.querySelector(`.actions [data-command="${verb}"], .actions [data-asks="${verb}"]`);
    if (!form?.checkVisibility()) return false;
    form.requestSubmit();
    return true;
  }

  async send(form, button) {
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    this.refusals(form, {});
    this.before = this.page.dataset.status;
    try {
      // With the token that guards the form.
      const body = new FormData(form, button);
      const signal = AbortSignal.timeout(20000);
      const answer = await fetch(form.action, { method: "POST", body, signal, headers: { Accept: "application/json" } });
      await this.answered(form, answer);
    } catch {
      this.refuse(form, "The server does not answer. Please try again in a moment.");
    } finally {
      form.ariaBusy = null;
    }
  }

  async answered(form, answer) {
    if (answer.status === 401) return this.signedOut();
    if (answer.status === 404) return this.refuse(form, "This document was deleted.");
    if (answer.status === 413) return this.refuse(form, "That is too long: 4 MB at most.");
    const { message, location, detail, errors } = await answer.json();
    if (answer.status === 422) return this.refusals(form, errors);
    if (!answer.ok) return this.refuse(form, detail);
    form.closest("dialog")?.close();
    if (location) window.location.assign(location);
    else if (message && this.page.dataset.status === this.before) this.say(message); // else the page shows it
    return undefined;
  }

  /** What was refused in another status holds no more. */
  forget() {
    for (const form of this.page.querySelectorAll("[data-command][data-when]")) this.refusals(form, {});
  }

  refuse(form, text) {
    const place = form.querySelector("[data-refusal]");
    if (place) place.textContent = text;
    else this.say(text);
  }

  /** Each error beside its field, which is unfolded. */
  refusals(form, errors) {
    this.refuse(form, errors.__all__?.join(" ") ?? "");
    for (const place of form.querySelectorAll("[data-error]")) {
      const field = form.elements[place.dataset.error];
      const text = errors[field.name]?.join(" ") ?? "";
      place.textContent = text;
      field.ariaInvalid = text ? "true" : null;
      if (!text) continue;
      field.setAttribute("aria-errormessage", place.id);
      place.closest("details")?.setAttribute("open", "");
      field.focus();
    }
  }
}
