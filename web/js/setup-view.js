/** Before the call: choose an agent, learn what happens to what is said, agree, and start. */

import { presentation } from "./agents.js";
import { byId, icon, make, show } from "./dom.js";

const PORTS = {
  transcriber: { does: "Speech recognition", gets: "your speech" },
  language_model: { does: "Answers", gets: "your words" },
  synthesizer: { does: "Voice", gets: "the agent’s words" },
  moderator: { does: "Safety check", gets: "your words" },
};

export class SetupView {
  #section = byId("setup");
  #consent = byId("consent");
  #key = byId("key");
  #buttons = [byId("start"), byId("start-text")];
  #config = null;

  /** `start(mode)` is called with "voice" or "text" once everything that a call needs is there. */
  constructor({ start, checkDevices }) {
    byId("setup-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit("voice", start);
    });
    byId("start-text").addEventListener("click", () => this.#submit("text", start));
    byId("check-devices").addEventListener("click", checkDevices);
    this.#consent.addEventListener("change", () => this.fault(""));
  }

  get agent() {
    const name = new FormData(byId("setup-form")).get("agent");
    return this.#config.agents.find((agent) => agent.name === name);
  }

  /** The API key to call with; "" calls as a guest. */
  get key() {
    return byId("key-field").hidden ? "" : this.#key.value.trim();
  }

  fill(config) {
    this.#config = config;
    const cards = byId("agents");
    cards.replaceChildren(...config.agents.map((agent) => card(agent, agent.name === config.default_agent)));
    cards.removeAttribute("aria-busy");
    if (!cards.querySelector(":checked")) cards.querySelector("input").checked = true;
    this.#tellWhatLeaves(config.engines);
    if (config.guests) byId("kept").textContent = "As a guest, your words are not stored either. A ticket is kept if you ask for one.";
    else this.askForKey();
  }

  askForKey() {
    byId("key-field").hidden = false;
    byId("kept").textContent = "The words are stored under your API key.";
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

  fault(text) {
    show(byId("setup-fault"), text);
  }

  #submit(mode, start) {
    if (!this.#config) return;
    if (!byId("key-field").hidden && !this.key) {
      this.fault("Please enter an API key.");
      this.#key.focus();
    } else if (!this.#consent.checked) {
      this.fault("Please agree first: tick the box above.");
      this.#consent.focus();
    } else {
      this.fault("");
      start(mode);
    }
  }

  #tellWhatLeaves(engines) {
    const remote = engines.filter((engine) => engine.remote);
    const targets = [...new Set(remote.map((engine) => engine.target))];
    const sentences = targets.map((target) => {
      const gets = new Set(remote.filter((engine) => engine.target === target).map((engine) => PORTS[engine.port].gets));
      return `${target} gets ${new Intl.ListFormat("en").format(gets)}.`;
    });
    byId("leaves").replaceChildren(
      ...(targets.length
        ? [make("strong", {}, "Some of it leaves this server."), ` ${sentences.join(" ")} No name or account goes with it.`]
        : [make("strong", {}, "Nothing leaves this server."), " It hears, answers and speaks all by itself."]),
    );
    const places = Map.groupBy(engines, (engine) => engine.port);
    byId("engines").replaceChildren(
      ...[...places].flatMap(([port, members]) => [
        make("dt", {}, PORTS[port].does),
        ...members.map((engine) => make("dd", {}, placeOf(engine))),
      ]),
    );
  }
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
