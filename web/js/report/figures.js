/** Helpdesk figures over all stored calls, for an operator. */

import { make } from "../dom.js";
import { howComputed, tiles } from "./measures.js";
import { paragraph, table } from "./parts.js";
import { counted, day, measureText } from "./words.js";

/** Fewer contacts than this say little: the figures are shown with a word on it. */
const FEW = 20;
/** What is read side by side. */
const GROUPS = [
  ["Solved", ["first_contact_resolution", "resolution_confirmed", "resolution_assumed"]],
  ["Contained, and coming back", ["containment", "repeat_contact"]],
  ["Satisfaction", ["csat", "csat_reply_rate"]],
  ["Handed over to a person", ["escalation_planned", "escalation_forced"]],
];

export function figuresElements({ since, until, contacts, measures, tickets }) {
  const period = `${day(since)} to ${day(until)}: ${counted(contacts, "stored helpdesk call")}. Guests' calls are not stored, so they are not in it.`;
  const enough = contacts >= FEW;
  const few = contacts ? `Not enough calls yet: with fewer than ${FEW}, one call more or less changes much.` : "Not enough calls yet: there was none in this time.";
  return [
    paragraph(period, "hint"),
    ...(enough ? [] : [paragraph(few, "few")]),
    ...(contacts ? groups(measures) : []),
    make("h3", {}, "Time to resolution"),
    ticketTable(tickets),
    howComputed([...measures, ...tickets.flatMap(ofPriority)]),
  ];
}

function groups(measures) {
  const named = new Set(GROUPS.flatMap(([, ids]) => ids));
  const rest = measures.filter(({ id }) => !named.has(id));
  return [...GROUPS.map(([title, ids]) => [title, measures.filter(({ id }) => ids.includes(id))]), ["More", rest]]
    .filter(([, found]) => found.length)
    .flatMap(([title, found]) => [make("h3", {}, title), tiles(found)]);
}

function ofPriority({ priority, times }) {
  return times.map((measure) => ({ ...measure, title: `${measure.title}, ${priority}` }));
}

function ticketTable(tickets) {
  const times = tickets[0]?.times ?? [];
  const rows = tickets.map(({ priority, created, resolved, times: found }) => [priority, `${created}`, `${resolved}`, ...found.map(measureText)]);
  return table("Tickets by priority", ["Priority", "Created", "Resolved", ...times.map(({ title }) => title)], rows);
}
