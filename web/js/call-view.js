/** During the call: state in words, both levels, captions, the text box and the controls. */

import { Captions } from "./captions.js";
import { Conversation } from "./conversation.js";
import { byId, icon, make } from "./dom.js";
import { IdleBanner } from "./idle-banner.js";
import { bars, watchLevel } from "./meter.js";
import { inWords, judge, LEVELS, Measurement } from "./quality.js";
import { keepAwake } from "./wake-lock.js";

const QUALITY_INTERVAL_MS = 2_000;
const WORDS = {
  permission: ["One moment", "Your browser asks whether this page may use the microphone."],
  connecting: ["Connecting", ""],
  listening: ["Listening", "Go ahead."],
  thinking: ["Thinking", ""],
  speaking: ["Speaking", "You can interrupt at any time."],
  paused: ["Paused", "The agent waits for you."],
  reconnecting: ["Reconnecting", "The connection is interrupted. Please hold on."],
};
const TEXT_WORDS = {
  listening: ["Your turn", "Write to the agent below."],
  thinking: ["Thinking", ""],
  speaking: ["Writing", ""],
};

export class CallView {
  #section = byId("call");
  #orb = byId("orb");
  #text = byId("text");
  #conversation = new Conversation(byId("conversation"));
  #idle = new IdleBanner(byId("idle"), () => this.#call?.stillHere());
  #captions = null;
  #call = null;
  #microphone = null;
  #muted = false;
  #state = "connecting";
  #linkState = "connected";
  #cleanups = [];
  #stopOwnLevel = () => {};
  #stopAgentLevel = () => {};
  #actions;

  /** `end()` is asked for by the caller; `devices()` opens the dialog; `ended(reason)` comes from the server. */
  constructor(actions) {
    this.#actions = actions;
    byId("end").addEventListener("click", actions.end);
    byId("call-devices").addEventListener("click", actions.devices);
    byId("mute").addEventListener("click", () => this.#toggleMute());
    byId("interrupt").addEventListener("click", () => this.#interrupt());
    byId("repeat").addEventListener("click", () => this.#say("Repeat, please."));
    byId("slower").addEventListener("click", () => this.#say("Slower, please."));
    byId("say").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sendText();
    });
    this.#text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#sendText();
    });
  }

  get rows() {
    return this.#captions?.rows ?? [];
  }

  /** What a carrier tells. */
  get handlers() {
    return {
      event: (event) => this.#take(event),
      sound: (stream) => this.#play(stream),
      link: (state) => this.#setLink(state),
    };
  }

  open(agent, mode) {
    this.#captions = new Captions((row) => this.#conversation.draw(row));
    this.#conversation.clear();
    byId("call-title").textContent = agent.title;
    this.#text.value = "";
    this.#muted = false;
    this.#linkState = "connected";
    this.setMode(mode);
    this.setState(mode === "voice" ? "permission" : "connecting");
    this.#section.hidden = false;
    document.body.classList.add("in-call");
    this.#cleanups.push(keepAwake());
    scrollTo(0, 0);
    byId("call-title").focus({ preventScroll: true });
  }

  /** "voice" or "text": which controls make sense. */
  setMode(mode) {
    this.#section.dataset.mode = mode;
    for (const id of ["mute", "call-devices", "slower", "own-level"]) byId(id).hidden = mode === "text";
    this.#showMicrophone();
  }

  /** The call is connected. */
  attach(call) {
    this.#call = call;
    this.setMode(call.mode);
    this.#showState();
    if (call.mode === "text") this.#text.focus();
    else this.#watchQuality(call);
  }

  /** The connection is lost; another one is sought. What was said stays. */
  suspend() {
    this.#captions.close();
    this.#idle.hide();
    byId("quality").hidden = true;
    this.#setLink("reconnecting");
  }

  /** The call goes on over another connection. */
  resume(call) {
    this.setMode(call.mode);
    this.#state = "listening";
    this.#setLink("connected");
  }

  note(text) {
    this.#captions?.note(text);
  }

  close() {
    this.#captions?.close();
    this.#idle.hide();
    for (const cleanup of this.#cleanups.splice(0)) cleanup();
    this.#stopOwnLevel();
    this.#stopOwnLevel = () => {};
    this.#stopAgentLevel();
    this.#stopAgentLevel = () => {};
    this.#microphone = null;
    this.#call = null;
    byId("speech").srcObject = null;
    byId("quality").hidden = true;
    this.#section.hidden = true;
    document.body.classList.remove("in-call");
  }

  /** The microphone in use from now on; null where there is none. */
  setMicrophone(stream) {
    this.#microphone = stream;
    this.#stopOwnLevel();
    this.#stopOwnLevel = () => {};
    if (stream) {
      for (const track of stream.getAudioTracks()) track.enabled = !this.#muted;
      const draw = bars(byId("own-level").querySelector(".bars"));
      this.#stopOwnLevel = watchLevel(stream, (value) => {
        draw(value);
        this.#orb.style.setProperty("--own", value.toFixed(3));
      });
    }
    this.#showMicrophone();
    this.#showState();
  }

  setState(state) {
    this.#state = state;
    this.#showState();
  }

  #take(event) {
    const call = this.#call;
    const matters = call?.observe(event) ?? true;
    this.#captions.take(event);
    switch (event.type) {
      case "agent.state":
        this.setState(event.state);
        break;
      case "input_audio_buffer.speech_started":
        this.#idle.hide();
        break;
      case "response.created":
      case "response.done":
        if (call?.mode === "text") this.setState(event.type === "response.done" ? "listening" : "thinking");
        break;
      case "agent.idle_warning":
        this.#idle.show(event.seconds);
        break;
      case "agent.notice":
        this.note(event.message);
        break;
      case "agent.ended":
        this.#actions.ended(event.reason);
        return;
      case "error":
        if (matters) this.note(event.error.message);
        break;
    }
    this.#showInterrupt();
  }

  #play(stream) {
    const speech = byId("speech");
    speech.srcObject = stream;
    speech.play().catch(() => {
      if (this.#section.hidden) return;
      this.note("Your browser holds the sound back. Click anywhere to hear the agent.");
      document.addEventListener("click", () => speech.play(), { once: true });
    });
    this.#stopAgentLevel();
    this.#stopAgentLevel = watchLevel(stream, (value) => this.#orb.style.setProperty("--level", value.toFixed(3)));
  }

  #setLink(state) {
    this.#linkState = state;
    this.#showState();
  }

  #showState() {
    const state = this.#linkState === "reconnecting" ? "reconnecting" : this.#state;
    const inText = this.#section.dataset.mode === "text";
    let [word, hint] = (inText && TEXT_WORDS[state]) || WORDS[state] || WORDS.connecting;
    if (state === "listening" && !inText && !this.#microphone) hint = "Write to the agent below.";
    else if (state === "listening" && !inText && this.#muted) hint = "Unmute to speak, or write below.";
    this.#orb.dataset.state = state;
    if (byId("state").textContent !== word) byId("state").textContent = word;
    byId("state-hint").textContent = hint;
    this.#showInterrupt();
  }

  #showInterrupt() {
    byId("interrupt").setAttribute("aria-disabled", String(!this.#call?.busy));
  }

  #showMicrophone() {
    const button = byId("mute");
    const present = Boolean(this.#microphone);
    const off = !present || this.#muted;
    if (present) button.setAttribute("aria-pressed", String(this.#muted));
    else button.removeAttribute("aria-pressed");
    button.replaceChildren(icon(off ? "microphone-off" : "microphone"), make("span", {}, present ? "Mute" : "No mic"));
    byId("own-level").classList.toggle("off", off);
    byId("microphone-word").textContent = !present ? "No microphone" : this.#muted ? "You are muted" : "Your microphone";
  }

  #toggleMute() {
    if (!this.#microphone) {
      this.#actions.devices();
      return;
    }
    this.#muted = !this.#muted;
    for (const track of this.#microphone.getAudioTracks()) track.enabled = !this.#muted;
    this.#showMicrophone();
    this.#showState();
  }

  #interrupt() {
    if (this.#call?.busy) this.#call.interrupt();
  }

  #sendText() {
    const text = this.#text.value.trim();
    if (!text || !this.#call) return;
    this.#text.value = "";
    this.#say(text);
  }

  #say(text) {
    if (!this.#call) return;
    this.#idle.hide();
    this.#call.say(text);
    this.#captions.typed(text);
  }

  #watchQuality(call) {
    let measurement = new Measurement();
    const element = byId("quality");
    const timer = setInterval(async () => {
      const report = await call.stats();
      if (this.#call !== call) return;
      if (!report) {
        // The next connection counts from zero.
        measurement = new Measurement();
        return;
      }
      const level = judge(measurement.take(report));
      element.dataset.level = LEVELS[level];
      element.hidden = false;
      if (element.textContent !== inWords(level)) element.textContent = inWords(level);
    }, QUALITY_INTERVAL_MS);
    this.#cleanups.push(() => clearInterval(timer));
  }
}
