/** During the call: state in words, both levels, captions, the text box and the controls. */

import { presentation } from "./agents.js";
import { Captions } from "./captions.js";
import { Commands } from "./commands.js";
import { Conversation } from "./conversation.js";
import { byId } from "./dom.js";
import { IdleBanner } from "./idle-banner.js";
import { watchLevel } from "./meter.js";
import { Microphone } from "./microphone.js";
import { Noted } from "./noted.js";
import { inWords, judge, LEVELS, Measurement } from "./quality.js";
import { Timing } from "./timing.js";
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
/** What to do while the agent listens, by what keeps the caller from being heard. */
const LISTENING_HINTS = {
  missing: "Write to the agent below.",
  muted: "Unmute to speak, or write below.",
  released: "Hold the button while you talk, or tap it to start and to stop.",
  talking: "Let go when you have finished.",
  latched: "Press the button when you have finished.",
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
  #commands = new Commands(byId("commands"), (text) => this.#say(text));
  #noted = new Noted(byId("noted"), (text) => this.#say(text));
  #timing = new Timing(byId("timing"));
  #microphone = new Microphone({
    level: (value) => this.#orb.style.setProperty("--own", value.toFixed(3)),
    changed: () => this.#showState(),
    choose: () => this.#actions.devices(),
    hold: () => this.#beginToTalk(),
    letGo: () => this.#call?.letGo(),
  });
  #captions = null;
  #call = null;
  #state = "connecting";
  #linkState = "connected";
  #cleanups = [];
  #stopAgentLevel = () => {};
  #actions;

  /** `end()` is asked for by the caller; `devices()` opens the dialog; `ended(reason)` comes from the server. */
  constructor(actions) {
    this.#actions = actions;
    byId("end").addEventListener("click", actions.end);
    byId("call-devices").addEventListener("click", actions.devices);
    byId("interrupt").addEventListener("click", () => this.#interrupt());
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
    this.#microphone.reset();
    this.#commands.offer(presentation(agent.name).commands);
    this.#noted.clear();
    this.#timing.clear();
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
    byId("call-devices").hidden = mode === "text";
    byId("own-level").hidden = mode === "text";
    this.#commands.mode = mode;
    this.#microphone.mode = mode;
  }

  /** Push-to-talk from now on, or an open microphone. */
  set pushToTalk(wanted) {
    this.#microphone.byPush = wanted;
    if (!wanted) this.#call?.judgeTurns();
  }

  /** Whether to show how each answer came about. */
  set showTiming(wanted) {
    this.#timing.wanted = wanted;
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
    this.#stopAgentLevel();
    this.#stopAgentLevel = () => {};
    this.#microphone.use(null);
    this.#call = null;
    byId("speech").srcObject = null;
    byId("quality").hidden = true;
    this.#section.hidden = true;
    document.body.classList.remove("in-call");
  }

  /** The microphone in use from now on; null where there is none. */
  setMicrophone(stream) {
    this.#microphone.use(stream);
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
      case "input_audio_buffer.committed":
        this.#commands.turnTaken();
        break;
      case "agent.form":
        this.#noted.show(event.fields);
        break;
      case "agent.timing":
        this.#timing.take(event);
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
    if (state === "listening" && !inText) hint = LISTENING_HINTS[this.#microphone.state] ?? hint;
    this.#orb.dataset.state = state;
    if (byId("state").textContent !== word) byId("state").textContent = word;
    byId("state-hint").textContent = hint;
    this.#showInterrupt();
  }

  #showInterrupt() {
    byId("interrupt").setAttribute("aria-disabled", String(!this.#call?.busy));
  }

  #beginToTalk() {
    this.#idle.hide();
    this.#call?.hold();
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
    this.#commands.turnTaken();
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
