/** What the report says of a language lesson: corrections and whether they were taken up, exercises, diversity. */

import { make } from "../dom.js";
import { howComputed, tiles } from "./measures.js";
import { panel, paragraph } from "./parts.js";
import { counted, sentence } from "./words.js";

const NAMES = new Intl.DisplayNames(["en"], { type: "language" });

export function languagePanels(section) {
  const { language, level, corrections, items_done: done, items_right: right, content } = section;
  const about = [languageName(language), level && `level ${level}`, done && `${right} of ${counted(done, "exercise")} right`];
  return [
    panel(
      "Corrections",
      paragraph(`${about.filter(Boolean).join(", ")}.`, "hint"),
      corrections.length ? make("ul", { class: "corrections" }, ...corrections.map(correction)) : paragraph("Nothing was corrected in this lesson."),
    ),
    panel("Your words", tiles(content), howComputed(content)),
  ];
}

function languageName(tag) {
  try {
    return NAMES.of(tag) ?? tag;
  } catch {
    return tag;
  }
}

function correction({ said, better, kind, elicited, taken_up: used }) {
  const notes = [kind && sentence(kind), elicited && "It came again, so you were asked for the right form.", uptake(used)];
  return make(
    "li",
    {},
    make("p", {}, make("span", { class: "hint" }, "You said: "), make("del", {}, said)),
    make("p", {}, make("span", { class: "hint" }, "Better: "), make("ins", {}, better)),
    paragraph(notes.filter(Boolean).join(" "), `hint${used ? " taken-up" : ""}`),
  );
}

function uptake(used) {
  if (used == null) return "The lesson ended before you could use it.";
  return used ? "You used it soon after: well done." : "You have not used it yet.";
}
