/**
 * What a caller may tell an agent before the call: a form made from the agent's `intake` and the server's limits.
 *
 * A file is read here, in the browser; only the text that ends up in the field is sent. Nothing of it is stored here.
 */

import { icon, make } from "./dom.js";
import { choice, field, fillSelect, select } from "./fields.js";

/** UTF-8 takes at most so many bytes for one UTF-16 unit; a larger file cannot fit. */
const BYTES_PER_CHARACTER = 3;
const TITLES = { interviewer: "Tell the interviewer about the job and you", "language-coach": "Choose language and level" };
const USE = "It is used for this call and its report only.";

export class Briefing {
  element;
  #parts = new Map();
  #limits;
  #agent;

  constructor(agent, limits) {
    this.#agent = agent.name;
    this.#limits = limits;
    const { fields } = agent.intake;
    const build = {
      role: () => this.#line("role", "Which job is it for?", "For example: senior nurse, or web developer."),
      job_description: () => this.#text("job_description", "Job description", "Paste the advertisement: the questions will follow it."),
      resume: () => this.#text("resume", "Resume", "Paste it as text. Leave out your name and address: they make no difference."),
      mode: () => this.#mode(),
      language: () => this.#language(agent.intake.languages),
      level: () => this.#level(agent.intake.languages),
      minutes: () => this.#minutes(agent.intake.minutes),
    };
    const rows = fields.filter((name) => name in build).map((name) => build[name]());
    this.element = make(
      "details",
      { class: "more briefing" },
      make("summary", {}, `${TITLES[agent.name] ?? "Tell the agent more"} (optional)`),
      make("div", { class: "briefing-fields" }, make("p", { class: "hint" }, USE), ...rows),
    );
    // Enter in one of several fields is no wish to begin the call.
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.type === "text") event.preventDefault();
    });
  }

  /** What was filled in, as `session.agent` takes it. */
  get value() {
    const given = {};
    for (const [name, part] of this.#parts) {
      const value = part.read();
      if (value !== "") given[name] = value;
    }
    return given;
  }

  /** Whether all of it can be sent; says at the first field that cannot why, and goes there. */
  check() {
    for (const [name, part] of this.#parts) {
      const wrong = part.wrong?.() ?? "";
      if (wrong) return !this.fault(name, wrong);
    }
    return true;
  }

  /** Says at a field what is wrong with it, and goes there. False where there is no such field. */
  fault(name, text) {
    const part = this.#parts.get(name);
    if (!part?.field) return false;
    this.element.open = true;
    part.field.fault(text);
    part.field.input.focus();
    return true;
  }

  /** Several of these forms are on the page at the same time. */
  #id(name) {
    return `${this.#agent}-${name}`;
  }

  #add(name, part) {
    this.#parts.set(name, { read: () => part.field.input.value.trim(), ...part });
    return part.field?.row ?? part.row;
  }

  #line(name, label, hint) {
    const input = make("input", { type: "text", maxlength: this.#limits.briefing_line_chars, autocomplete: "off" });
    return this.#add(name, { field: field(this.#id(name), label, input, hint) });
  }

  #text(name, label, hint) {
    const most = this.#limits.briefing_text_chars;
    const area = make("textarea", { rows: 4, spellcheck: "false" });
    const file = make("input", { type: "file", accept: ".txt,.md,text/plain", hidden: "" });
    const load = make("button", { type: "button", class: "button" }, icon("upload"), make("span", {}, "Load a text file"));
    const count = make("span", { class: "hint" });
    const own = field(this.#id(name), label, area, hint, make("div", { class: "actions row" }, load, count, file));
    load.setAttribute("aria-label", `Load a text file as ${label.toLowerCase()}`);
    const tooLong = () => (area.value.length > most ? `This is too long: ${number(area.value.length)} characters, and at most ${number(most)} are taken.` : "");
    const tell = () => {
      count.textContent = area.value ? `${number(area.value.length)} of ${number(most)} characters` : `Up to ${number(most)} characters`;
      own.fault(tooLong());
    };
    load.addEventListener("click", () => file.click());
    file.addEventListener("change", async () => {
      const [chosen] = file.files;
      file.value = "";
      if (!chosen) return;
      try {
        area.value = await textOf(chosen, most);
        tell();
      } catch (error) {
        own.fault(error.message);
      }
    });
    area.addEventListener("input", tell);
    tell();
    return this.#add(name, { field: own, wrong: tooLong });
  }

  #mode() {
    const options = [
      ["practice", "Practice.", "A tip after each answer."],
      ["realistic", "Realistic.", "No tips before the end."],
    ];
    const made = choice(this.#id("mode"), "How strict?", options, "practice");
    return this.#add("mode", { row: made.row, read: () => made.value });
  }

  #language(languages) {
    const options = languages.map(({ id, name }) => [id, name]);
    const own = field(this.#id("language"), "Language", select(options));
    own.input.addEventListener("change", () => this.#offerLevels(languages));
    return this.#add("language", { field: own });
  }

  #level(languages) {
    const own = field(this.#id("level"), "Level", select([]));
    const row = this.#add("level", { field: own });
    this.#offerLevels(languages);
    return row;
  }

  #offerLevels(languages) {
    const wanted = this.#parts.get("language")?.read() ?? languages[0]?.id;
    const levels = languages.find(({ id }) => id === wanted)?.levels ?? [];
    const options = levels.map(({ id, title, cefr }) => [id, `${title} (${cefr.join(", ")})`]);
    fillSelect(this.#parts.get("level").field.input, [["", "Find out with three questions"], ...options]);
  }

  #minutes(usual) {
    const most = this.#limits.briefing_max_minutes;
    const input = make("input", { type: "text", inputmode: "numeric", maxlength: 4, autocomplete: "off", class: "short" });
    const hint = usual ? `1 to ${most}. About ${usual} if you leave it empty.` : `1 to ${most}. As long as you like if you leave it empty.`;
    const own = field(this.#id("minutes"), "How many minutes?", input, hint);
    const text = () => input.value.trim();
    return this.#add("minutes", {
      field: own,
      read: () => (text() ? Number(text()) : ""),
      wrong: () => (!text() || (/^\d+$/.test(text()) && Number(text()) >= 1 && Number(text()) <= most) ? "" : `Please enter a whole number from 1 to ${most}, or nothing.`),
    });
  }
}

/** The text of a file. Throws an Error that says why it is none, or that it is too long. */
async function textOf(file, most) {
  if (file.size > most * BYTES_PER_CHARACTER) throw new Error(`That file is too long: at most ${number(most)} characters are taken.`);
  const bytes = await file.arrayBuffer();
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text.trim();
  } catch {
    // Not UTF-8: said below.
  }
  throw new Error("That file is not plain text. Save it as .txt, or copy and paste its text.");
}

function number(value) {
  return value.toLocaleString("en");
}
