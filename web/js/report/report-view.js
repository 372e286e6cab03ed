/** A report as elements: in short, what was said, how, the conversation itself, exercises. */

import { icon, make } from "../dom.js";
import { latencyChart, paceChart, shareChart } from "./charts.js";
import { helpdeskPanels } from "./helpdesk.js";
import { interviewPanels, madeBy } from "./interview.js";
import { languagePanels } from "./language.js";
import { commonReason, howComputed, tiles } from "./measures.js";
import { button, download, folded, panel, paragraph } from "./parts.js";
import { transcript } from "./transcript.js";

/** The figures of delivery that are shown at once; the others are with the formulas. */
const FIRST = ["pace", "filler_rate", "hedging", "response_latency", "pauses", "assertive_wording"];

/** Panels of a whole report, as the server's API gives it. */
export function reportPanels(report) {
  const turns = new Map(report.transcript.map((turn) => [turn.seq, turn]));
  return [
    inShort(report),
    ...sectionPanels(report.section, turns),
    report.delivery && delivery(report.delivery),
    conversation(report),
    drills(report.drills),
    panel("The conversation, word for word", ...transcript(report.transcript)),
  ].filter(Boolean);
}

function sectionPanels(section, turns) {
  switch (section?.kind) {
    case "interview":
      return interviewPanels(section, turns);
    case "helpdesk":
      return helpdeskPanels(section);
    case "language":
      return languagePanels(section);
    default:
      return [];
  }
}

function inShort(report) {
  const { summary, strength, focus, source } = report.review;
  const cards = [
    strength && make("div", { class: "card-note strength" }, make("h3", {}, "One strength"), paragraph(strength)),
    focus && make("div", { class: "card-note focus" }, make("h3", {}, "One thing to work on"), paragraph(focus)),
  ].filter(Boolean);
  return panel(
    "Your report in short",
    paragraph(summary, "lead"),
    cards.length ? make("div", { class: "cards-pair" }, ...cards) : null,
    make(
      "div",
      { class: "disclaimer" },
      icon("robot"),
      paragraph(`This report was made by an AI system, its summary ${madeBy(source)}. It can be wrong: check what matters. It is help for you, not a grade and not a decision about you.`),
    ),
    make(
      "div",
      { class: "actions row no-print" },
      button("Report as JSON", () => download("report.json", "application/json", JSON.stringify(report, null, 2)), { sign: "download" }),
      button("Print", () => print(), { sign: "print" }),
    ),
  );
}

function delivery({ measures, pace, pace_resolution: resolution }) {
  const first = FIRST.map((id) => measures.find((measure) => measure.id === id)).filter(Boolean);
  const found = (id) => measures.find((measure) => measure.id === id && measure.state === "measured");
  const nothing = commonReason(measures);
  return panel(
    "How you spoke",
    nothing ? null : paragraph("From your words and their times alone, apart from what you said: none of it is part of a score. Pauses and an “um” now and then are how people talk.", "hint"),
    tiles(first),
    pace.length ? paceChart({ pace, pace_resolution: resolution }, measures.find((measure) => measure.id === "pace")?.band) : null,
    found("voiced_share") && shareChart({ title: "Speech and pauses in your turns", first: "Speaking", second: "Pausing", measure: found("voiced_share") }),
    howComputed(measures, "All figures, and how they are computed"),
  );
}

function conversation({ conversation: measures, transcript: turns }) {
  const ratio = measures.find(({ id, state }) => id === "talk_ratio" && state === "measured");
  const answered = turns.some(({ latency }) => latency?.voice_to_voice_ms != null);
  return panel(
    "Between you and the agent",
    ratio && shareChart({ title: "Who spoke how much", first: "You", second: "Agent", measure: ratio }),
    tiles(measures.filter((measure) => measure !== ratio)),
    answered ? latencyChart(turns) : null,
    howComputed(measures),
  );
}

function drills(found) {
  if (!found.length) return null;
  return panel(
    "To try next",
    make(
      "ol",
      { class: "drills" },
      ...found.map(({ title, text, reason }) => make("li", {}, make("h3", {}, title), paragraph(text), reason ? folded("Why this one", paragraph(reason, "hint")) : "")),
    ),
  );
}

/** What is folded away is printed as well. */
addEventListener("beforeprint", () => {
  for (const each of document.querySelectorAll("#after details:not([open])")) {
    each.open = true;
    each.dataset.closed = "";
  }
});
addEventListener("afterprint", () => {
  for (const each of document.querySelectorAll("details[data-closed]")) {
    each.open = false;
    delete each.dataset.closed;
  }
});
