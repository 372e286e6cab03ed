/** Microphones and speakers: asking for one, naming what went wrong, and the dialog to choose and try them. */

import { byId, make, show } from "./dom.js";
import { audioContext, bars, watchLevel } from "./meter.js";

const HEARD_LEVEL = 0.25;
const TEST_NOTES_HZ = [523.25, 659.25, 783.99];
const NOTE_S = 0.28;

const FAULTS = {
  NotAllowedError: "The microphone was not allowed. You can allow it in your browser's settings for this site.",
  NotFoundError: "No microphone was found.",
  NotReadableError: "The microphone is in use by another program.",
};

/** Why there is no microphone, in a sentence. */
export function explain(error) {
  if (!navigator.mediaDevices) return "Browsers allow the microphone only on pages with https, or on this computer itself.";
  return FAULTS[error.name] ?? "The microphone could not be used.";
}

/** The devices of this page. `chosen` is called with a new microphone stream while a call asks for it. */
export class Devices {
  stream = null;
  #microphoneId = "";
  #outputId = "";
  #stopMeter = null;
  #dialog = byId("devices");
  #microphones = byId("microphone");
  #outputs = byId("output");
  #fault = byId("devices-fault");
  #speech = byId("speech");

  /** `microphoneChanged(stream)` and `microphoneLost()` tell a call; `keep()` says whether one needs the microphone; `pushToTalk(wanted)` how the caller wants to talk. */
  constructor({ microphoneChanged, microphoneLost, keep, pushToTalk }) {
    for (const choice of document.querySelectorAll("input[name=talking]")) {
      choice.addEventListener("change", () => pushToTalk(choice.value === "push"));
    }
    this.microphoneChanged = microphoneChanged;
    this.microphoneLost = microphoneLost;
    this.keep = keep;
    this.#microphones.addEventListener("change", () => this.#choose(this.#microphones.value));
    this.#outputs.addEventListener("change", () => this.#chooseOutput(this.#outputs.value));
    byId("test-sound").addEventListener("click", () => this.#playTestSound());
    byId("devices-close").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#closed());
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#dialog.open && this.#list());
  }

  /** The microphone's stream; the browser may ask the person. Throws as `getUserMedia` does. */
  async open(id = this.#microphoneId) {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    if (id) audio.deviceId = { exact: id };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    this.release();
    this.stream = stream;
    this.#microphoneId = stream.getAudioTracks()[0].getSettings().deviceId ?? id;
    stream.getAudioTracks()[0].addEventListener("ended", () => {
      if (this.stream !== stream) return;
      this.release();
      this.microphoneLost();
    });
    return stream;
  }

  /** Lets go of the microphone: the browser's sign for it goes out. */
  release() {
    this.#stopMeter?.();
    this.#stopMeter = null;
    const stream = this.stream;
    this.stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
  }

  async showDialog() {
    show(this.#fault, "");
    show(byId("level-word"), "");
    this.#dialog.showModal();
    if (this.stream) this.#watch();
    else await this.#choose(this.#microphoneId);
    await this.#list();
  }

  async #choose(id) {
    try {
      await this.open(id);
      show(this.#fault, "");
      this.#watch();
      this.microphoneChanged(this.stream);
    } catch (error) {
      show(this.#fault, explain(error));
    }
  }

  #watch() {
    const draw = bars(byId("dialog-level"));
    const word = byId("level-word");
    this.#stopMeter?.();
    show(word, "Say something: the bars should move.");
    let heard = false;
    this.#stopMeter = watchLevel(this.stream, (value) => {
      draw(value);
      if (!heard && value > HEARD_LEVEL) {
        heard = true;
        show(word, "Your microphone works.");
      }
    });
  }

  async #list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    fill(this.#microphones, devices, "audioinput", this.#microphoneId, "No microphone");
    fill(this.#outputs, "setSinkId" in this.#speech ? devices : [], "audiooutput", this.#outputId, "The system's speaker");
  }

  async #chooseOutput(id) {
    try {
      await this.#speech.setSinkId(id);
      await audioContext().setSinkId?.(id);
      this.#outputId = id;
    } catch {
      show(this.#fault, "That speaker could not be used.");
    }
  }

  #playTestSound() {
    const context = audioContext();
    TEST_NOTES_HZ.forEach((frequency, index) => {
      const start = context.currentTime + index * NOTE_S;
      const tone = new OscillatorNode(context, { frequency });
      const volume = new GainNode(context, { gain: 0 });
      volume.gain.linearRampToValueAtTime(0, start);
      volume.gain.linearRampToValueAtTime(0.15, start + 0.03);
      volume.gain.linearRampToValueAtTime(0, start + NOTE_S);
      tone.connect(volume).connect(context.destination);
      tone.start(start);
      tone.stop(start + NOTE_S);
    });
  }

  #closed() {
    this.#stopMeter?.();
    this.#stopMeter = null;
    if (!this.keep()) this.release();
  }
}

function fill(select, devices, kind, chosen, none) {
  const fitting = devices.filter((device) => device.kind === kind);
  const options = fitting.map((device, index) =>
    make("option", { value: device.deviceId }, device.label || `${kind === "audioinput" ? "Microphone" : "Speaker"} ${index + 1}`),
  );
  select.replaceChildren(...(options.length ? options : [make("option", { value: "" }, none)]));
  if (fitting.some((device) => device.deviceId === chosen)) select.value = chosen;
  select.disabled = options.length < 2;
}
