/** Values, ranges and times of a report in words. Knows nothing of the page. */

/** Why a figure has no value. */
export const STATES = {
  not_measured: "Not measured",
  not_enough_speech: "Not enough speech",
  not_applicable: "Does not apply",
};

/** How a value lies to its range: about the figure, never about the person. */
export const RATINGS = { good: "In the good range", fair: "Near the good range", flag: "Worth a look" };

export const AGENTS = { interviewer: "Interview practice", helpdesk: "Helpdesk", "language-coach": "Language practice" };

const UNITS = {
  percent: (value) => [`${value} %`, ""],
  milliseconds: (value) => [inSeconds(value), ""],
  seconds: (value) => [`${value} s`, ""],
  count: (value) => [`${value}`, ""],
  hours: (value) => [`${value} h`, ""],
  "points of 5": (value) => [`${value}`, "of 5"],
  "points of 100": (value) => [`${value}`, "of 100"],
};

/** The number and its unit apart: `["142", "words per minute"]`, `["71 %", ""]`. */
export function valueParts(value, unit) {
  return UNITS[unit]?.(value) ?? [`${value}`, unit];
}

export function valueText(value, unit) {
  return valueParts(value, unit).filter(Boolean).join(" ");
}

/** What is good and what is worth a look, as a sentence without its full stop; "" where there is no range. */
export function bandText(band, unit) {
  if (!band) return "";
  const text = (value) => valueParts(value, unit)[0];
  const { good_min: low, good_max: high, flag_below: below, flag_above: above, flag_from: from } = band;
  const good = [];
  if (low != null && high != null) good.push(`good: ${text(low)} to ${text(high)}`);
  else if (low != null) good.push(`good: ${text(low)} and more`);
  else if (high != null) good.push(`good: up to ${text(high)}`);
  const flags = [];
  if (below != null) flags.push(`below ${text(below)}`);
  if (above != null) flags.push(`above ${text(above)}`);
  if (from != null) flags.push(`from ${text(from)}`);
  return [...good, ...(flags.length ? [`worth a look: ${flags.join(" or ")}`] : [])].join("; ");
}

/** Value or state of a measure, in words. */
export function measureText(measure) {
  return measure.state === "measured" ? valueText(measure.value, measure.unit) : STATES[measure.state];
}

/** Milliseconds from the start of a call, as minutes and seconds: "1:05". */
export function clock(ms) {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function inSeconds(ms) {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}

/** With a capital letter at the beginning and a full stop at the end. */
export function sentence(text) {
  return text && `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** A duration as a person says it: "40 seconds", "3 minutes". */
export function duration(seconds) {
  if (seconds < 60) return counted(Math.max(1, Math.round(seconds)), "second");
  return counted(Math.round(seconds / 60), "minute");
}

const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

export function day(iso) {
  return DAY.format(new Date(iso));
}

export function shortDay(iso) {
  return SHORT_DAY.format(new Date(iso));
}

export function dayAndTime(iso) {
  return `${day(iso)}, ${TIME.format(new Date(iso))}`;
}

/** A moment soon: the time alone where it is today. */
export function soon(iso, now = new Date()) {
  const moment = new Date(iso);
  return moment.toDateString() === now.toDateString() ? `${TIME.format(moment)} today` : `${TIME.format(moment)} on ${day(iso)}`;
}

/** What a figure means where its name does not say it. */
export const MEANINGS = {
  star: "How much of situation, task, action and result your answers have",
  competency: "Measured against the question’s own description of 1, 3 and 5",
  job_coverage: "Skills of the job description that your answers show",
  assertive_wording: "Fewer hedges and fillers make more points; 100 is no aim",
  pauses: "Short silences inside your turns; they help listeners",
  lexical_diversity: "How many words in a row until they repeat much; compare with your own calls",
  uptake: "Corrected forms that you used soon after",
  voice_to_voice_p50: "Half of its replies began within this time",
  voice_to_voice_p95: "Nearly all of its replies began within this time",
  csat: "Replies of 5 on a scale from 1 to 5",
  csat_reply_rate: "Of the callers who were asked",
  containment: "Neither ticket nor person needed; read it beside repeat contact",
  repeat_contact: "The same caller and kind of problem within 7 days",
  resolution_confirmed: "The caller said that it is fixed",
  resolution_assumed: "Nothing was said, and 24 hours of silence followed",
  escalation_planned: "As the article says, or after its steps failed",
  escalation_forced: "The caller asked for it, was angry or was not understood",
};

/** What a caller calls the agent; an operator's own agents by their name. */
export function agentTitle(name) {
  const words = name.replaceAll("-", " ");
  return AGENTS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}
