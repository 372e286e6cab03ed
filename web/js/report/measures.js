/** Figures of a call: the few that matter as tiles, all of them with their formula, and why some are missing. */

import { make } from "../dom.js";
import { gauge } from "./charts.js";
import { folded, paragraph } from "./parts.js";
import { bandText, MEANINGS, measureText, RATINGS, sentence, STATES, valueParts } from "./words.js";

/** The reason that all measures share for having no value; "" if one has a value or the reasons differ. */
export function commonReason(measures) {
  const reasons = new Set(measures.map(({ state, reason }) => (state === "measured" ? "" : reason)));
  return reasons.size === 1 ? [...reasons][0] : "";
}

/** Tiles of `measures`; one sentence where none of them has a value for the same reason. */
export function tiles(measures) {
  const reason = commonReason(measures);
  if (reason) return paragraph(`${STATES[measures[0].state]}. ${sentence(reason)}`, "hint absent");
  return make("ul", { class: "tiles" }, ...measures.map(tile));
}

function tile(measure) {
  const { id, title, value, unit, state, reason, band, rating } = measure;
  if (state !== "measured") {
    return make("li", { class: "tile none" }, paragraph(title, "tile-title"), paragraph(STATES[state], "tile-state"), paragraph(sentence(reason), "hint"));
  }
  const [number, name] = valueParts(value, unit);
  const shown = make("p", { class: "tile-value" }, number, ...(name ? [" ", make("span", {}, name)] : []));
  const parts = [paragraph(title, "tile-title"), shown];
  if (band) {
    parts.push(gauge(measure), make("p", { class: `rating ${rating}` }, RATINGS[rating]), paragraph(sentence(bandText(band, unit)), "hint"));
  }
  if (MEANINGS[id]) parts.push(paragraph(`${MEANINGS[id]}.`, "hint"));
  return make("li", { class: "tile" }, ...parts);
}

/** Every measure with its value or state, its formula, source and version. */
export function howComputed(measures, summary = "How this is computed") {
  return folded(summary, make("dl", { class: "formulas" }, ...measures.flatMap(formula)));
}

function formula(measure) {
  const { title, unit, state, reason, band, rating, formula: rule, source, version } = measure;
  const value = state === "measured" ? measureText(measure) : `${STATES[state]}. ${sentence(reason)}`.trim();
  const range = bandText(band, unit);
  return [
    make("dt", {}, state === "measured" || unit === "count" ? title : `${title} (${unit})`),
    make(
      "dd",
      {},
      make("p", { class: "formula-value" }, value, ...(rating ? [` · ${RATINGS[rating]}`] : [])),
      paragraph(rule),
      ...(range ? [paragraph(sentence(range))] : []),
      paragraph(`Source: ${source}. Version ${version} of this formula.`, "hint"),
    ),
  ];
}
