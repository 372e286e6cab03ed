/** The caller's microphone in a call: its level, muting it, and push-to-talk. */

import { byId, icon, make } from "./dom.js";
import { bars, watchLevel } from "./meter.js";
import { HoldButton } from "./push-to-talk.js";

/** People let go while the last syllable is still on its way. */
const TAIL_MS = 200;
const WORDS = {
  "": "Your microphone",
  missing: "No microphone",
  muted: "You are muted",
  released: "Microphone off",
  talking: "Microphone on",
  latched: "Microphone on",
};
const TALK_WORDS = { talking: "Let go to send", latched: "Press to send" };

export class Microphone {
  #stream = null;
  #muted = false;
  #byPush = false;
  #mode = "voice";
  #stopLevel = () => {};
  #tail = 0;
  #actions;
  #hold = new HoldButton(byId("talk"), { changed: (on) => this.#held(on), stayed: () => this.#show() });

  /** `level(value)`, 0 to 1; `changed()` when it is on or off; `choose()` asks for one; `hold()`, `letGo()`: push-to-talk. */
  constructor(actions) {
    this.#actions = actions;
    byId("mute").addEventListener("click", () => this.#toggleMute());
  }

  get present() {
    return Boolean(this.#stream);
  }

  /** What keeps the caller from being heard: "missing", "muted", "released"; "talking" while the button is held, "latched" while it need not be; "" else. */
  get state() {
    if (!this.#stream) return "missing";
    if (this.#byPush) return !this.#hold.on ? "released" : this.#hold.latched ? "latched" : "talking";
    return this.#muted ? "muted" : "";
  }

  /** A call begins. */
  reset() {
    this.#muted = false;
    this.#hold.off();
  }

  /** The one in use from now on; null where there is none. */
  use(stream) {
    this.#stream = stream;
    this.#stopLevel();
    this.#stopLevel = () => {};
    if (!stream) this.#hold.off();
    if (stream) {
      const draw = bars(byId("own-level").querySelector(".bars"));
      this.#stopLevel = watchLevel(stream, (value) => {
        draw(value);
        this.#actions.level(value);
      });
    }
    this.#show();
  }

  /** "voice" or "text": in a call by text there is nothing to switch. */
  set mode(mode) {
    this.#mode = mode;
    this.#show();
  }

  /** Push-to-talk, or an open microphone. */
  set byPush(byPush) {
    this.#byPush = byPush;
    this.#hold.off();
    this.#show();
  }

  #held(on) {
    clearTimeout(this.#tail);
    if (on) this.#actions.hold();
    else this.#tail = setTimeout(() => this.#show(), TAIL_MS);
    if (!on) this.#actions.letGo();
    this.#show(!on);
  }

  /** `lingering`: it stays open for a moment. */
  #show(lingering = false) {
    const { state } = this;
    const off = ["missing", "muted", "released"].includes(state);
    for (const track of this.#stream?.getAudioTracks() ?? []) track.enabled = !off || lingering;
    const mute = byId("mute");
    const pushes = this.#byPush && this.present;
    const voice = this.#mode === "voice";
    mute.hidden = !voice || pushes;
    byId("talk").hidden = !voice || !pushes;
    if (this.present) mute.setAttribute("aria-pressed", String(this.#muted));
    else mute.removeAttribute("aria-pressed");
    mute.replaceChildren(icon(off ? "microphone-off" : "microphone"), make("span", {}, this.present ? "Mute" : "No mic"));
    const word = TALK_WORDS[state] ?? "Hold to talk";
    byId("talk").replaceChildren(icon(off ? "microphone" : "send"), make("span", {}, word));
    byId("own-level").classList.toggle("off", off);
    byId("microphone-word").textContent = WORDS[state];
    this.#actions.changed();
  }

  #toggleMute() {
    if (!this.present) {
      this.#actions.choose();
      return;
    }
    this.#muted = !this.#muted;
    this.#show();
  }
}
