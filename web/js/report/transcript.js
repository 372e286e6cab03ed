/** The conversation with fillers and hedges marked: by underlines of their own, not by colour alone. */

import { make } from "../dom.js";
import { counts, KINDS, pieces } from "./marks.js";
import { paragraph } from "./parts.js";
import { clock } from "./words.js";

const NAMES = { user: "You", assistant: "Agent" };

/** The words of a turn, its marks as `<mark>`; what they are is also there for those who do not see them. */
export function markedText(turn) {
  const nodes = pieces(turn.text, turn.marks).map(({ text, kind }) => {
    if (!kind) return text;
    const { name } = KINDS.find((each) => each.kind === kind);
    return make("mark", { class: kind }, text, make("span", { class: "hidden-label" }, ` (${name})`));
  });
  return make("p", { class: "words" }, ...nodes);
}

function turnElement(turn) {
  const who = turn.role === "user" ? "caller" : "agent";
  const how = turn.channel === "text" ? ", in writing" : "";
  const element = make(
    "div",
    { class: `turn ${who}` },
    make("span", { class: "speaker" }, `${NAMES[turn.role]}, ${clock(turn.start_ms)}${how}`),
    markedText(turn),
  );
  if (turn.interrupted) element.append(make("span", { class: "cut" }, "Interrupted here"));
  return element;
}

/** Legend and switches for the kinds that occur, and all turns. */
export function transcript(turns) {
  const talk = make("div", { class: "conversation" }, ...turns.filter((turn) => turn.text).map(turnElement));
  const found = counts(turns);
  if (!found.size) {
    const spoke = turns.some((turn) => turn.role === "user" && turn.channel === "voice");
    return [...(spoke ? [paragraph("No fillers or hedges are marked in it.", "hint")] : []), talk];
  }
  return [legend(found, talk), talk];
}

/** Shows which underline means what; each kind can be switched off within `place`. */
function legend(found, place) {
  const switches = KINDS.filter(({ kind }) => found.has(kind)).map(({ kind, label, example }) => {
    const box = make("input", { type: "checkbox", checked: "" });
    box.addEventListener("change", () => place.classList.toggle(`without-${kind}`, !box.checked));
    const name = make("span", {}, make("mark", { class: kind }, label), ` (${example}): ${found.get(kind)}`);
    return make("label", { class: "check" }, box, name);
  });
  return make("fieldset", { class: "plain legend" }, make("legend", {}, "Marked in what you said"), ...switches);
}
