/** Buttons that ask the agent for something in words, as the caller could say it. */

import { icon, make } from "./dom.js";

/** `said` is what the agent gets; the words are understood in lessons of other languages as well. */
const COMMANDS = {
  repeat: { word: "Repeat", said: "Repeat, please." },
  slower: { word: "Slower", said: "Slower, please.", voiceOnly: true },
  skip: { word: "Skip", said: "Skip, please." },
  hint: { word: "Hint", said: "Hint, please." },
  pause: { word: "Pause", said: "Pause, please.", then: "resume" },
  resume: { word: "Continue", said: "Continue, please.", then: "pause" },
  human: { word: "Talk to a human", said: "Human, please." },
};

export class Commands {
  #container;
  #say;

  constructor(container, say) {
    this.#container = container;
    this.#say = say;
  }

  offer(names) {
    this.#container.replaceChildren(...names.map((name) => this.#button(name)));
  }

  set mode(mode) {
    for (const button of this.#container.children) button.hidden = mode === "text" && COMMANDS[button.dataset.command].voiceOnly;
  }

  /** The caller took a turn: a pause, if there was one, is over. */
  turnTaken() {
    const resume = this.#container.querySelector("[data-command=resume]");
    if (resume) this.#become(resume, "pause");
  }

  #button(name) {
    const button = make("button", { type: "button", class: "chip" });
    this.#become(button, name);
    button.addEventListener("click", () => {
      const { said, then } = COMMANDS[button.dataset.command];
      this.#say(said);
      if (then) this.#become(button, then);
      button.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
    return button;
  }

  #become(button, name) {
    button.dataset.command = name;
    button.replaceChildren(icon(name), COMMANDS[name].word);
  }
}
