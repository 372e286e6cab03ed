/**
 * What the agent has noted of the caller, beside the conversation: to be checked, and corrected by typing.
 *
 * A correction is a message of the caller's, a line for each field: `Correction, <label>: <value>`.
 */

import { icon, make } from "./dom.js";

/** Longer values are not taken by the agent. */
const LONGEST_LINE = 80;
const LONGEST_TEXT = 200;
/** Fields that may be a whole sentence. */
const TEXTS = new Set(["problem"]);
const WIDE = matchMedia("(min-width: 60rem)");

export class Noted {
  #element;
  #send;
  #form = make("form", { class: "noted-fields" });
  #summary = make("summary", {});
  #said = make("p", { class: "hidden-label", role: "status" });
  #button = make("button", { type: "submit", class: "button" });
  /** By name: `{field, input, mark}`. */
  #rows = new Map();

  /** `send(text)` says something to the agent in writing. */
  constructor(element, send) {
    this.#element = element;
    this.#send = send;
    element.append(this.#summary, this.#form);
    // Outside, so that it is read out also while the fields are folded away.
    element.after(this.#said);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  clear() {
    this.#rows.clear();
    this.#form.replaceChildren(this.#button);
    this.#element.hidden = true;
    this.#element.open = WIDE.matches;
    this.#said.textContent = "";
  }

  /** The fields as the server has them now. What the caller is changing stays as it is. */
  show(fields) {
    const names = new Set(fields.map(({ name }) => name));
    for (const [name, { row }] of this.#rows) {
      if (names.has(name)) continue;
      row.remove();
      this.#rows.delete(name);
    }
    for (const field of fields) this.#draw(field);
    this.#element.hidden = fields.length === 0;
    const open = fields.filter(({ confirmed }) => !confirmed).length;
    this.#summary.replaceChildren(
      make("span", {}, "What I noted"),
      make("span", { class: open ? "count open" : "count" }, open ? `${open} to check` : "All checked"),
    );
    this.#said.textContent = fields.length ? `Noted: ${fields.map(({ label, value }) => `${label}: ${value}`).join("; ")}.` : "";
    this.#tell();
  }

  #draw(field) {
    const known = this.#rows.get(field.name) ?? this.#row(field);
    const touched = this.#changed(known);
    known.field = field;
    if (!touched) known.input.value = field.value;
    known.row.classList.toggle("unconfirmed", !field.confirmed);
    known.mark.replaceChildren(icon(field.confirmed ? "check" : "warning"), field.confirmed ? "Confirmed" : "Please check");
  }

  #row({ name, label, value }) {
    const id = `noted-${name}`;
    const [tag, more] = TEXTS.has(name) ? ["textarea", { rows: 1, maxlength: LONGEST_TEXT }] : ["input", { type: "text", maxlength: LONGEST_LINE }];
    const input = make(tag, { id, autocomplete: "off", "aria-describedby": `${id}-mark`, ...more });
    input.value = value;
    // As in a field of one line; a correction is one line too.
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    input.addEventListener("input", () => this.#tell());
    const mark = make("span", { class: "mark", id: `${id}-mark` });
    const row = make("div", { class: "noted-field" }, make("label", { for: id }, label), mark, input);
    this.#button.before(row);
    const known = { field: { value }, input, mark, row };
    this.#rows.set(name, known);
    return known;
  }

  #changed({ field, input }) {
    const value = oneLine(input.value);
    return value !== "" && value !== field.value;
  }

  /** What the button would send: the changed fields, or else those that want a yes. */
  #pending() {
    const rows = [...this.#rows.values()];
    const changed = rows.filter((row) => this.#changed(row));
    return changed.length ? changed : rows.filter(({ field }) => !field.confirmed);
  }

  #tell() {
    const rows = [...this.#rows.values()];
    this.#button.hidden = this.#pending().length === 0;
    this.#button.textContent = rows.some((row) => this.#changed(row)) ? "Send correction" : "This is all correct";
  }

  #submit() {
    const pending = this.#pending();
    if (!pending.length) return;
    for (const row of pending) {
      const value = oneLine(row.input.value) || row.field.value;
      row.input.value = value;
      row.field = { ...row.field, value };
    }
    this.#send(pending.map(({ field }) => `Correction, ${field.label}: ${field.value}`).join("\n"));
    this.#tell();
  }
}

function oneLine(text) {
  return text.replace(/\s+/g, " ").trim();
}
