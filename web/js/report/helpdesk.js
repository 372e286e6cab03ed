/** What the report says of a helpdesk call: the problem, what was tried, how it ended. */

import { icon, make } from "../dom.js";
import { panel, paragraph, quote } from "./parts.js";

const OUTCOMES = { worked: "It helped", failed: "It did not help", skipped: "Left out", unknown: "Not said" };
const RESOLUTIONS = {
  confirmed: "Fixed: you said so.",
  unconfirmed: "Open: whether it is fixed was not said.",
  unresolved: "Not fixed yet.",
};
const ESCALATIONS = {
  none: "",
  planned: "Handed over to a person, as is usual for this problem.",
  forced: "Handed over to a person because you asked for one, or because this did not work by itself.",
};
const PRIORITIES = { P1: "critical", P2: "high", P3: "normal", P4: "low" };

export function helpdeskPanels(section) {
  const { problem, article_title: title, ticket, steps, resolution, escalation, csat_asked: wasAsked, csat } = section;
  const { priority } = section;
  const facts = [["How it stands", RESOLUTIONS[resolution]]];
  if (title) facts.push(["Looked at", title]);
  if (priority) facts.push(["Priority", priorityText(priority)]);
  if (ESCALATIONS[escalation]) facts.push(["Handover", ESCALATIONS[escalation]]);
  if (wasAsked) facts.push(["Your rating", csat == null ? "You gave none." : `${csat} of 5. Thank you.`]);
  return [
    panel(
      "The problem",
      problem ? quote(problem) : paragraph("No problem was described.", "hint"),
      make("dl", { class: "facts-list" }, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      ticket && ticketElement(ticket),
    ),
    panel("What was tried", steps.length ? stepList(steps) : paragraph("No step was tried in this call.", "hint")),
  ];
}

function priorityText(priority) {
  return PRIORITIES[priority] ? `${priority}, ${PRIORITIES[priority]}` : priority;
}

function ticketElement({ number, summary }) {
  const body = make("div", {}, paragraph(`Ticket ${number}`, "ticket-number"), paragraph(summary));
  return make("div", { class: "ticket" }, icon("ticket"), body);
}

function stepList(steps) {
  return make(
    "ol",
    { class: "steps" },
    ...steps.map(({ text, outcome }) => make("li", {}, paragraph(text), paragraph(OUTCOMES[outcome], `outcome ${outcome}`))),
  );
}
