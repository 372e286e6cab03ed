/** Warns that the call is about to end for want of a sign of life, and lets the caller give one. */

import { make } from "./dom.js";

export class IdleBanner {
  #element;
  #stay;
  #timer = 0;

  constructor(element, stay) {
    this.#element = element;
    this.#stay = stay;
  }

  show(seconds) {
    let left = Math.ceil(seconds);
    const countdown = make("span", { "aria-hidden": "true", class: "countdown" }, String(left));
    const button = make("button", { type: "button", class: "button primary" }, "I’m still here");
    button.addEventListener("click", () => {
      this.hide();
      this.#stay();
    });
    const text = make("p", {}, `Are you still there? The call ends after ${left} seconds of silence.`);
    this.#element.replaceChildren(text, countdown, button);
    this.#element.hidden = false;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      left -= 1;
      countdown.textContent = String(Math.max(0, left));
    }, 1_000);
  }

  hide() {
    clearInterval(this.#timer);
    this.#element.hidden = true;
  }
}
