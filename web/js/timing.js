/** For developers: how the first sound of each answer came about, step by step. Shown on request only. */

import { make } from "./dom.js";

/** The server's marks in words, in the order in which they usually come. */
const STEPS = {
  stopped: "The end of your speech was noticed",
  transcribed: "Your words were known",
  committed: "Your turn was over",
  requested: "The answer was asked for",
  judged: "The safety check was done",
  first_token: "The first word of the answer was there",
  first_clause: "Its first clause was there",
  first_audio: "Its first sound was made",
  playing: "The first sound was sent",
};

/** Half of the values are at most this; of an even count, the mean of the two in the middle. */
export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export class Timing {
  #element;
  #summary = make("summary", {});
  #body = make("tbody");
  #median = make("p", { class: "hint" });
  #delays = [];
  #wanted = false;

  constructor(element) {
    this.#element = element;
    const head = make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Since your last sound"), make("th", { scope: "col" }, "ms")));
    element.append(this.#summary, make("table", {}, head, this.#body), this.#median);
  }

  set wanted(wanted) {
    this.#wanted = wanted;
    this.#tell();
  }

  clear() {
    this.#delays = [];
    this.#body.replaceChildren();
    this.#tell();
  }

  take({ marks_ms: marks }) {
    const reached = Object.entries(marks).sort(([, one], [, other]) => one - other);
    this.#body.replaceChildren(
      ...reached.map(([name, ms]) => make("tr", {}, make("th", { scope: "row" }, STEPS[name] ?? name), make("td", {}, String(ms)))),
    );
    if (marks.playing !== undefined) this.#delays.push(marks.playing);
    this.#tell();
  }

  #tell() {
    this.#element.hidden = !this.#wanted;
    const last = this.#delays.at(-1);
    this.#summary.textContent = last === undefined ? "No spoken answer timed yet" : `Answered within ${last} ms`;
    this.#median.textContent = this.#delays.length > 1 ? `Median of ${this.#delays.length} answers: ${Math.round(median(this.#delays))} ms` : "";
  }
}
