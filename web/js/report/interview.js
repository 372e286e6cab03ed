/** What the report says of an interview: each question with its answer, scores and their quotes; the skills asked for. */

import { make } from "../dom.js";
import { howComputed, tiles } from "./measures.js";
import { folded, panel, paragraph, quote, table } from "./parts.js";
import { markedText } from "./transcript.js";
import { counted, measureText } from "./words.js";

const PARTS = { situation: "Situation", task: "Task", action: "Action", result: "Result", competency: "the competency score" };
const POINTS = ["not there yet", "there in part", "clearly there"];
const MODES = { practice: "with feedback after each answer", realistic: "as in a real interview" };

/** Panels for the section of an interview. `turns`: a Map from number to turn of the transcript. */
export function interviewPanels(section, turns) {
  const asked = section.questions.filter((question) => question.asked);
  const waiting = section.questions.filter((question) => !question.asked);
  const about = [section.role && `for ${section.role}`, section.level && `level ${section.level}`, MODES[section.mode]];
  return [
    panel(
      "What you said",
      paragraph(`Practice ${about.filter(Boolean).join(", ")}. The scores are about these answers, not about you; accent, dialect and fillers do not count.`, "hint"),
      tiles(section.content),
      howComputed(section.content),
    ),
    panel(
      "Question by question",
      asked.length ? null : paragraph("No question was asked.", "hint"),
      ...asked.map((question, at) => questionElement(question, at, turns)),
      waiting.length && folded(`Planned, but not asked: ${counted(waiting.length, "question")}`, unasked(waiting)),
    ),
    section.skills.length ? skills(section.skills) : null,
  ];
}

function unasked(questions) {
  return make("ul", { class: "plain-list" }, ...questions.map(({ text, why }) => make("li", {}, text, " ", make("span", { class: "hint" }, why))));
}

function questionElement(question, at, turns) {
  const answers = question.turns.map((number) => turns.get(number)).filter(Boolean);
  const star = question.content.find(({ id, state }) => id === "star" && state === "measured");
  const outcome = star ? `STAR ${measureText(star)}` : question.skipped ? "Skipped" : answers.length ? "" : "No answer";
  const summary = make(
    "summary",
    {},
    make("span", { class: "question-head" }, make("span", { class: "hint" }, [question.competency?.replaceAll("-", " "), outcome].filter(Boolean).join(" · ")), make("h3", {}, `${at + 1}. ${question.text}`)),
  );
  const element = make("details", { class: "question" }, summary, ...body(question, answers));
  element.open = at === 0;
  return element;
}

function body(question, answers) {
  const parts = [make("p", { class: "hint" }, make("strong", {}, "Why it was asked: "), question.why)];
  if (!answers.length) {
    parts.push(paragraph(question.skipped ? "You skipped this question. That is fine: it comes again another time." : "There was no answer to it.", "hint"));
    return parts;
  }
  parts.push(make("h4", {}, "Your answer"), make("div", { class: "answer" }, ...answers.map(markedText)));
  if (question.scores) parts.push(...scores(question.scores));
  if (question.model_answer) parts.push(modelAnswer(question.model_answer));
  const own = question.content.filter(({ id }) => id !== "star" && id !== "competency");
  parts.push(make("h4", {}, "Your wording"), tiles(own), make("h4", {}, "How long you spoke"), tiles(question.delivery));
  parts.push(howComputed([...question.content, ...question.delivery]));
  return parts;
}

function scores({ parts, competency, competency_anchor: anchor, competency_quote: words, strength, advice, source, rejected }) {
  const found = [make("h4", {}, "What is in it")];
  if (parts.length) found.push(make("ul", { class: "star" }, ...parts.map(star)));
  if (competency != null) {
    found.push(
      make("div", { class: "competency" }, paragraph(`Competency: ${competency} of 5${anchor ? ". " : ""}${anchor}`, "strong"), ...(words ? [quote(words)] : [])),
    );
  }
  if (strength) found.push(make("p", {}, make("strong", {}, "Good: "), strength));
  if (advice) found.push(make("p", {}, make("strong", {}, "Next time: "), advice));
  if (rejected.length) {
    const names = new Intl.ListFormat("en").format(rejected.map((part) => PARTS[part] ?? part));
    found.push(paragraph(`Not scored: ${names}. The words given as proof are not in what you said, so the score was left out.`, "rejected"));
  }
  found.push(paragraph(`Scored ${madeBy(source)}, each with the words it rests on.`, "hint"));
  return found;
}

function star({ part, points, quote: words }) {
  const marks = make("span", { class: "points", "aria-hidden": "true" }, ...[0, 1].map((at) => make("i", at < points ? { class: "full" } : {})));
  return make("li", {}, make("p", {}, marks, make("strong", {}, PARTS[part]), `: ${POINTS[points]}`), ...(points ? [quote(words)] : []));
}

function modelAnswer({ text, source }) {
  return folded(
    "A stronger version of your answer",
    paragraph("Built only from facts that you gave in this call: nothing is added to your story.", "hint"),
    make("blockquote", { class: "model-answer" }, ...text.split(/\n+/).map((each) => make("p", {}, each))),
    paragraph(`Written ${madeBy(source)}.`, "hint"),
  );
}

function skills(found) {
  const rows = found.map(({ skill, quote: words }) => [skill, words ? `“${words}”` : "Not shown yet. Have an example ready."]);
  return panel("What the job asks for", table("Skills of the job description, and where your answers show them", ["Skill", "In your words"], rows));
}

/** Who a score or a text comes from. */
export function madeBy(source) {
  return source === "rules" ? "by fixed rules" : `by a language model (${source})`;
}
