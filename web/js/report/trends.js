/** How figures went on over saved calls. Only what was computed in the same way is in one line. */

import { make } from "../dom.js";
import { trendChart } from "./charts.js";
import { howComputed } from "./measures.js";
import { folded, paragraph } from "./parts.js";
import { agentTitle, counted } from "./words.js";

/** The figures that are shown at once, of each kind of call. */
const FIRST = new Set(["star", "competency", "pace", "filler_rate", "hedging", "lexical_diversity", "uptake"]);

/** Trends of one agent in one language belong together: `[[heading, trends]]`. */
export function grouped(trends) {
  const several = new Set(trends.map(({ agent, language }) => `${agent} ${language}`)).size > new Set(trends.map(({ agent }) => agent)).size;
  const found = Map.groupBy(trends, ({ agent, language }) => (several ? `${agentTitle(agent)} (${language})` : agentTitle(agent)));
  return [...found];
}

export function trendElements({ calls, trends }) {
  if (!trends.length) {
    return [
      paragraph(
        calls < 2
          ? `There ${calls === 1 ? "is one saved call" : "are no saved calls"} so far. With two calls of a kind, you see here how your figures change.`
          : "Your saved calls have no figure in common yet. Trends need two calls of a kind with enough speech.",
        "hint",
      ),
    ];
  }
  return [
    paragraph(`From ${counted(calls, "saved call")}. A line joins only what was computed in the same way.`, "hint"),
    ...grouped(trends).map(([title, found]) => group(title, found)),
  ];
}

function group(title, trends) {
  const first = trends.filter(({ measure }) => FIRST.has(measure.id));
  const shown = first.length ? first : trends.slice(0, 4);
  const others = trends.filter((trend) => !shown.includes(trend));
  return make(
    "section",
    { class: "trend-group" },
    make("h3", {}, title),
    make("div", { class: "trend-charts" }, ...shown.map(trendChart)),
    ...(others.length ? [folded(`${counted(others.length, "more figure")}`, make("div", { class: "trend-charts" }, ...others.map(trendChart)))] : []),
    howComputed(trends.map(({ measure }) => measure)),
  );
}
