/** After the call: what happened, what was kept, the caller's own copy, and how to go on. */

import { asText, rowElement } from "./conversation.js";
import { byId, make, show } from "./dom.js";

const REASONS = {
  hangup: ["The call has ended", "You ended it. Thank you for talking."],
  idle: ["The call has ended", "It was quiet for a while, so the agent said goodbye."],
  time_limit: ["The call has ended", "It reached its time limit."],
  shutdown: ["The call has ended", "The server is being restarted. Please call again in a moment."],
  error: ["The call broke off", "Something went wrong on the server."],
  lost: ["The connection was lost", "The server could not be reached any more."],
};
const COPIED_MS = 4_000;

export class AfterView {
  #section = byId("after");
  #rows = [];

  /** `again()` leads back to the start, `againByText()` straight into a call by text. */
  constructor({ again, againByText }) {
    byId("again").addEventListener("click", again);
    byId("again-text").addEventListener("click", againByText);
    byId("copy").addEventListener("click", () => this.#copy());
    byId("save").addEventListener("click", () => this.#save());
  }

  show({ reason, rows, seconds, guest }) {
    const [title, sentence] = REASONS[reason] ?? REASONS.lost;
    byId("after-title").textContent = title;
    byId("after-reason").textContent = `${sentence} It took ${inWords(seconds)}.`;
    byId("again-text").hidden = !["lost", "error"].includes(reason);
    const tickets = rows.filter((row) => row.who === "ticket");
    byId("after-kept").replaceChildren(
      make("li", {}, "No audio of either side."),
      make("li", {}, guest ? "None of the words: you called as a guest." : "The words, under your API key."),
      ...tickets.map(({ ticket }) => make("li", {}, `Ticket ${ticket.reference}, which you asked for: ${ticket.summary}`)),
      make("li", {}, "When the call was, how long it took and how fast the server answered."),
    );
    this.#rows = rows;
    byId("own-copy").hidden = rows.length === 0;
    byId("after-conversation").replaceChildren(...rows.map(rowElement));
    show(byId("copied"), "");
    this.#section.hidden = false;
    scrollTo(0, 0);
    byId("after-title").focus({ preventScroll: true });
  }

  hide() {
    this.#section.hidden = true;
    this.#rows = [];
    byId("after-conversation").replaceChildren();
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(asText(this.#rows));
      show(byId("copied"), "Copied.");
    } catch {
      show(byId("copied"), "The browser did not allow that. You can save it as a file.");
    }
    setTimeout(() => show(byId("copied"), ""), COPIED_MS);
  }

  #save() {
    const address = URL.createObjectURL(new Blob([asText(this.#rows)], { type: "text/plain" }));
    make("a", { href: address, download: "conversation.txt" }).click();
    URL.revokeObjectURL(address);
  }
}

function inWords(seconds) {
  const unit = (count, name) => `${count} ${name}${count === 1 ? "" : "s"}`;
  if (seconds < 60) return unit(Math.max(1, Math.round(seconds)), "second");
  return unit(Math.round(seconds / 60), "minute");
}
