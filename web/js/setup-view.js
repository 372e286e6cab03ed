/** Before the call: choose an agent, tell it what it should know, learn what happens to what is said, agree, and start. */

import { presentation } from "./agents.js";
import { Briefing } from "./briefing.js";
import { byId, icon, make, show } from "./dom.js";

const PORTS = {
  transcriber: { does: "Speech recognition", gets: "your speech" },
  language_model: { does: "Answers", gets: "your words" },
  synthesizer: { does: "Voice", gets: "the agent’s words" },
  moderator: { does: "Safety check", gets: "your words" },
};
const KEPT = {
  guest: "As a guest, your words are not stored either.",
  ask: "Your words are stored with your key, and deleted unless you decide to keep them after the call.",
  auto: "Your words are stored with your key until you delete them.",
  never: "Your words are not stored either.",
};
const UNSTORED = new Set(["guest", "never"]);
const TICKET_KEPT = "A ticket is kept if you ask for one.";
/** Refusals that are about the key. */
const KEY_FAULTS = new Set(["invalid_api_key", "missing_api_key"]);
/** How the server names what is wrong with a briefing: with this before the field's own name. */
const BRIEFING_PARAM = "session.agent.";

export class SetupView {
  #section = byId("setup");
  #consent = byId("consent");
  #key = byId("key");
  #buttons = [byId("start"), byId("start-text")];
  #config = null;
  /** By the agent's name; only of agents that can be told something. */
  #briefings = new Map();

  /** `start(mode)` is called with "voice" or "text" once everything that a call needs is there. */
  constructor({ start, checkDevices }) {
    const form = byId("setup-form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit("voice", start);
    });
    form.addEventListener("change", ({ target }) => {
      if (target.name === "agent") this.#showBriefing();
      if (target.name === "save") this.#tellWhatIsKept();
    });
    byId("start-text").addEventListener("click", () => this.#submit("text", start));
    byId("check-devices").addEventListener("click", checkDevices);
    byId("have-key").addEventListener("click", () => this.#useKey(!this.#usesKey, { byHand: true }));
    this.#consent.addEventListener("change", () => this.fault(""));
    this.#key.addEventListener("input", () => this.#keyFault(""));
  }

  get agent() {
    const name = new FormData(byId("setup-form")).get("agent");
    return this.#config.agents.find((agent) => agent.name === name);
  }

  /** The API key to call with; "" calls as a guest. */
  get key() {
    return this.#usesKey ? this.#key.value.trim() : "";
  }

  /** `session.agent`: what the agent is told, and what is to become of the words. */
  get wishes() {
    const told = this.#briefings.get(this.agent.name)?.value ?? {};
    return this.#usesKey ? { ...told, save: this.#save } : told;
  }

  fill(config) {
    this.#config = config;
    const cards = byId("agents");
    this.#briefings = new Map(
      config.agents.filter(({ intake }) => intake.fields.length).map((agent) => [agent.name, new Briefing(agent, config.limits)]),
    );
    cards.replaceChildren(
      ...config.agents.flatMap((agent) => {
        const briefing = this.#briefings.get(agent.name);
        return [card(agent, agent.name === config.default_agent), ...(briefing ? [briefing.element] : [])];
      }),
    );
    cards.removeAttribute("aria-busy");
    if (!cards.querySelector("input[name=agent]:checked")) cards.querySelector("input[name=agent]").checked = true;
    this.#showBriefing();
    this.#tellWhatLeaves(config.engines);
    byId("undecided").textContent = `Without a yes they are deleted after ${inHours(config.undecided_hours)}.`;
    // What an operator keeps by default is no decision of the caller's: that box is left to them.
    byId("save-wish").querySelector(`[value=${config.save === "never" ? "never" : "ask"}]`).checked = true;
    byId("have-key").hidden = !config.guests;
    this.#useKey(!config.guests);
  }

  /** Guests may not call: a key is needed. */
  askForKey() {
    byId("have-key").hidden = true;
    this.#useKey(true);
  }

  show() {
    this.#section.hidden = false;
    this.busy = false;
    byId("setup-title").focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  hide() {
    this.#section.hidden = true;
  }

  set busy(busy) {
    for (const button of this.#buttons) button.disabled = busy;
  }

  /** Says what is wrong, at the field that it is about where there is one. `param` is the server's name for that. */
  fault(text, { param = "", code = "" } = {}) {
    const name = param?.startsWith(BRIEFING_PARAM) ? param.slice(BRIEFING_PARAM.length) : "";
    if (name && this.#briefings.get(this.agent.name)?.fault(name, text)) return;
    if (this.#usesKey && KEY_FAULTS.has(code)) {
      this.#keyFault(text);
      this.#key.focus();
      return;
    }
    show(byId("setup-fault"), text);
  }

  get #usesKey() {
    return !byId("with-key").hidden;
  }

  get #save() {
    return new FormData(byId("setup-form")).get("save");
  }

  #useKey(wanted, { byHand = false } = {}) {
    const toggle = byId("have-key");
    byId("with-key").hidden = !wanted;
    toggle.setAttribute("aria-expanded", String(wanted));
    toggle.querySelector("span").textContent = wanted ? "Call as a guest instead" : "I have a key";
    this.#tellWhatIsKept();
    if (wanted && byHand) this.#key.focus();
  }

  #keyFault(text) {
    show(byId("key-fault"), text);
    if (text) this.#key.setAttribute("aria-invalid", "true");
    else this.#key.removeAttribute("aria-invalid");
  }

  #showBriefing() {
    const { name } = this.agent;
    for (const [of, briefing] of this.#briefings) briefing.element.hidden = of !== name;
  }

  #submit(mode, start) {
    if (!this.#config) return;
    this.fault("");
    if (this.#briefings.get(this.agent.name)?.check() === false) return;
    if (this.#usesKey && !this.key) {
      this.#keyFault("Please enter an API key.");
      this.#key.focus();
    } else if (!this.#consent.checked) {
      this.fault("Please agree first: tick the box above.");
      this.#consent.focus();
    } else {
      start(mode);
    }
  }

  #tellWhatIsKept() {
    const what = this.#usesKey ? this.#save : "guest";
    const minutes = Math.ceil(this.#config.in_memory_s / 60);
    const memory = minutes ? `For your report they stay in memory until ${inMinutes(minutes)} after the call.` : "";
    byId("kept").textContent = UNSTORED.has(what) ? [KEPT[what], memory, TICKET_KEPT].filter(Boolean).join(" ") : KEPT[what];
  }

  #tellWhatLeaves(engines) {
    const remote = engines.filter((engine) => engine.remote);
    const targets = [...new Set(remote.map((engine) => engine.target))];
    const list = new Intl.ListFormat("en");
    const sentences = targets.map((target) => {
      const gets = new Set(remote.filter((engine) => engine.target === target).map((engine) => PORTS[engine.port].gets));
      return `${target} gets ${list.format(gets)}.`;
    });
    byId("leaves").replaceChildren(
      ...(targets.length
        ? [make("strong", {}, "Some of it leaves this server."), ` ${sentences.join(" ")} No name or account goes with it.`]
        : [make("strong", {}, "Nothing leaves this server."), " It hears, answers and speaks all by itself."]),
    );
    const by = targets.length ? `, on this server and by ${list.format(targets)}` : "";
    byId("consent-text").textContent = `I agree that what I say and write is processed${by} to hold this conversation.`;
    const places = Map.groupBy(engines, (engine) => engine.port);
    byId("engines").replaceChildren(
      ...[...places].flatMap(([port, members]) => [
        make("dt", {}, PORTS[port].does),
        ...members.map((engine) => make("dd", {}, placeOf(engine))),
      ]),
    );
  }
}

function inMinutes(minutes) {
  return minutes === 1 ? "a minute" : `${minutes} minutes`;
}

function inHours(hours) {
  return hours === 1 ? "an hour" : `${hours} hours`;
}

function placeOf({ engine, model, target, remote, fallback }) {
  const what = model ? `${engine} (${model})` : engine;
  return `${what}, ${remote ? `at ${target}` : "on this server"}${fallback ? ", if the first one fails" : ""}`;
}

function card(agent, checked) {
  const { icon: sign, expect } = presentation(agent.name);
  const radio = make("input", { type: "radio", name: "agent", value: agent.name });
  radio.checked = checked;
  const list = make("ul", { class: "expect" }, ...expect.map((text) => make("li", {}, text)));
  return make(
    "label",
    { class: "card" },
    radio,
    make("span", { class: "sign" }, icon(sign)),
    make(
      "span",
      { class: "card-body" },
      make("span", { class: "card-title" }, agent.title),
      make("span", { class: "card-text" }, agent.summary),
      ...(expect.length ? [list] : []),
    ),
  );
}
