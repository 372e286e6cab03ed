/**
 * A button that is held while one talks, by pointer, by touch, or by Space or Enter while it has the focus.
 *
 * Who cannot hold it presses it shortly: it stays on until the next press. Screen readers, which only click, work alike.
 */

const SHORT_PRESS_MS = 300;
const KEYS = new Set([" ", "Enter"]);

export class HoldButton {
  #element;
  #changed;
  #stayed;
  #on = false;
  #latched = false;
  #pressedAt = 0;

  /** `changed(on)` is called whenever talking begins or ends; `stayed()` when it goes on although the button was let go. */
  constructor(element, { changed, stayed }) {
    this.#element = element;
    this.#changed = changed;
    this.#stayed = stayed;
    element.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      element.setPointerCapture(event.pointerId);
      this.#press();
    });
    element.addEventListener("pointerup", () => this.#release());
    element.addEventListener("pointercancel", () => this.off());
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    element.addEventListener("keydown", (event) => {
      if (!KEYS.has(event.key)) return;
      event.preventDefault();
      if (!event.repeat) this.#press();
    });
    element.addEventListener("keyup", (event) => {
      if (!KEYS.has(event.key)) return;
      event.preventDefault();
      this.#release();
    });
    // Pointers and keys are dealt with above; a click by itself comes from assistive technology.
    element.addEventListener("click", (event) => event.detail === 0 && this.#set(!this.#on, true));
    element.addEventListener("blur", () => this.off());
    document.addEventListener("visibilitychange", () => document.hidden && this.off());
  }

  get on() {
    return this.#on;
  }

  /** Whether it goes on until the next press. */
  get latched() {
    return this.#latched;
  }

  off() {
    this.#set(false, false);
  }

  #press() {
    this.#pressedAt = performance.now();
    if (this.#latched) this.off();
    else this.#set(true, false);
  }

  #release() {
    if (!this.#on) return;
    if (performance.now() - this.#pressedAt >= SHORT_PRESS_MS) {
      this.off();
      return;
    }
    this.#latched = true;
    this.#stayed();
  }

  #set(on, latched) {
    this.#latched = latched && on;
    if (on === this.#on) return;
    this.#on = on;
    this.#element.setAttribute("aria-pressed", String(on));
    this.#changed(on);
  }
}
