/**
 * Draws captions as a conversation.
 *
 * The container is a log for screen readers. A row that still grows is hidden from them, and replaced by a fresh
 * element when it is final: so each turn is announced once and whole.
 */

import { icon, make } from "./dom.js";

const NAMES = { caller: "You", agent: "Agent" };
const PRIORITIES = { P1: "Critical", P2: "High", P3: "Normal", P4: "Low" };
const NEAR_END_PX = 80;

export class Conversation {
  #container;
  #elements = new Map();
  /** Whether the reader is at the end, and wants to stay there. */
  #following = true;

  constructor(container) {
    this.#container = container;
    container.addEventListener("scroll", () => (this.#following = this.#nearEnd()));
    // What is around it may grow: its end stays in sight.
    new ResizeObserver(() => this.#follow()).observe(container);
  }

  clear() {
    this.#elements.clear();
    this.#container.replaceChildren();
    this.#following = true;
  }

  draw(row) {
    const container = this.#container;
    const old = this.#elements.get(row.id);
    if (row.gone) {
      this.#elements.delete(row.id);
      old?.remove();
    } else if (old && !row.final) {
      old.querySelector(".words").textContent = row.text;
    } else {
      const element = rowElement(row);
      this.#elements.set(row.id, element);
      if (old) old.replaceWith(element);
      else container.append(element);
    }
    this.#follow();
  }

  #nearEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#container;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  #follow() {
    if (this.#following) this.#container.scrollTop = this.#container.scrollHeight;
  }
}

/** Row as an element; used for the end screen as well. */
export function rowElement(row) {
  if (row.who === "ticket") return ticketElement(row.ticket);
  if (row.who === "note") return make("p", { class: "note" }, row.text);
  const element = make(
    "div",
    { class: `turn ${row.who}${row.final ? "" : " growing"}` },
    make("span", { class: "speaker" }, NAMES[row.who]),
    make("p", { class: "words" }, row.text),
  );
  if (row.cut && row.final) element.append(make("span", { class: "cut" }, "Interrupted here"));
  if (!row.final) element.setAttribute("aria-hidden", "true");
  return element;
}

function ticketElement({ reference, summary, priority }) {
  return make(
    "div",
    { class: "ticket" },
    icon("ticket"),
    make(
      "div",
      {},
      make("p", { class: "ticket-number" }, `Ticket ${reference}`),
      make("p", {}, summary),
      make("p", { class: "hint" }, `Priority: ${PRIORITIES[priority] ?? priority}`),
    ),
  );
}

/** The conversation as plain text, for the caller's own copy. */
export function asText(rows) {
  return rows
    .map((row) => {
      if (row.who === "ticket") return `[Ticket ${row.ticket.reference}: ${row.text}]`;
      if (row.who === "note") return `[${row.text}]`;
      return `${NAMES[row.who]}: ${row.text}${row.cut ? " [interrupted]" : ""}`;
    })
    .join("\n\n");
}
