/**
 * Charts as SVG, drawn as wide as there is room, so that their letters keep their size.
 *
 * Each comes in a figure with a sentence that says what it shows, and a table of the same numbers.
 */

import { make } from "../dom.js";
import { folded, table } from "./parts.js";
import { domain, gaugeRange, goodPart, scale, ticks, timeTicks } from "./plot.js";
import { bandText, clock, inSeconds, shortDay, valueParts, valueText } from "./words.js";

const NAMESPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 220;
const LEFT = 44;
const RIGHT = 14;
const TOP = 18;
const BOTTOM = 30;
const LETTER_PX = 8;

function svg(tag, attributes, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** `draw(width)` gives the chart for so many pixels; `says` is the sentence for those who do not see it. */
function figure({ title, says, draw, data, note }) {
  const place = make("div", { class: "chart", role: "img", "aria-label": `${title}: ${says}` });
  let drawn = 0;
  new ResizeObserver(([{ contentRect }]) => {
    const width = Math.round(contentRect.width);
    if (!width || width === drawn) return;
    drawn = width;
    place.replaceChildren(draw(width));
  }).observe(place);
  const caption = make("figcaption", {}, make("strong", {}, title), make("span", { class: "hint" }, says));
  return make("figure", { class: "figure" }, caption, place, ...(note ? [make("p", { class: "hint" }, note)] : []), folded("As a table", data));
}

function canvas(width, height, ...children) {
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, class: "plot", "aria-hidden": "true" }, ...children);
}

function text(x, y, words, { anchor = "start", kind = "" } = {}) {
  return svg("text", { x, y, "text-anchor": anchor, class: kind }, words);
}

/** The frame of a chart over time: horizontal lines with their values, and the good range behind. */
function grounds(width, [low, high], y, band, unit) {
  const parts = [];
  const good = band && (band.good_min ?? band.good_max) != null ? goodPart(band, low, high) : null;
  if (good) {
    const [from, to] = good.map(y);
    parts.push(svg("rect", { x: LEFT, y: to, width: width - LEFT - RIGHT, height: Math.max(1, from - to), class: "good" }));
    parts.push(text(width - RIGHT - 4, to + 13, "good range", { anchor: "end", kind: "good-name" }));
  }
  for (const value of ticks(low, high)) {
    parts.push(svg("line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value), class: "grid" }));
    parts.push(text(LEFT - 8, y(value) + 4, unit === "milliseconds" ? `${value / 1000}` : `${value}`, { anchor: "end" }));
  }
  return parts;
}

/** Pace over the call, each point as long as the speech it stands for. */
export function paceChart({ pace, pace_resolution: resolution }, band) {
  const values = pace.map((point) => point.words_per_minute);
  const range = domain(values, band);
  const end = pace.at(-1).end_ms;
  const draw = (width) => {
    const x = scale(0, end, LEFT, width - RIGHT);
    const y = scale(range[0], range[1], HEIGHT - BOTTOM, TOP);
    const parts = grounds(width, range, y, band, "");
    for (const ms of timeTicks(end, Math.max(2, Math.floor(width / 90)))) parts.push(text(x(ms), HEIGHT - 8, clock(ms), { anchor: "middle" }));
    const middle = (point) => `${x((point.start_ms + point.end_ms) / 2)},${y(point.words_per_minute)}`;
    parts.push(svg("polyline", { points: pace.map(middle).join(" "), class: "between" }));
    for (const point of pace) {
      const at = y(point.words_per_minute);
      parts.push(svg("line", { x1: x(point.start_ms), x2: x(point.end_ms), y1: at, y2: at, class: "span" }));
    }
    return canvas(width, HEIGHT, ...parts);
  };
  const rows = pace.map((point) => [`${clock(point.start_ms)} to ${clock(point.end_ms)}`, `${Math.round(point.words_per_minute)}`]);
  const extent = `${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))} words per minute`;
  return figure({
    title: "Pace over time",
    says: `${extent}${band ? `; ${bandText({ ...band, flag_below: null, flag_above: null })}` : ""}.`,
    draw,
    data: table("Pace in words per minute", ["Time in the call", "Words per minute"], rows),
    note: resolution === "window" ? "Each line is a stretch of about 15 seconds of your speech." : "Each line is one of your turns: there were no times of single words.",
  });
}

/** Two parts of a whole in percent, the second being what is left; with the good range of the first one. */
export function shareChart({ title, first, second, measure }) {
  const { value, band } = measure;
  const rest = Math.round(100 - value);
  const height = band ? 66 : 46;
  const draw = (width) => {
    const x = scale(0, 100, 0, width);
    const fits = (share, words) => x(share) > words.length * LETTER_PX + 28;
    const parts = [
      svg("rect", { x: 0, y: 6, width: x(value), height: 34, rx: 6, class: "first" }),
      svg("rect", { x: x(value) + 2, y: 6, width: Math.max(0, width - x(value) - 2), height: 34, rx: 6, class: "second" }),
    ];
    const [one, other] = [`${first} ${value} %`, `${second} ${rest} %`];
    if (fits(value, one)) parts.push(text(12, 28, one, { kind: "on-first" }));
    if (fits(rest, other)) parts.push(text(width - 12, 28, other, { anchor: "end", kind: "on-second" }));
    if (band) {
      const [from, to] = goodPart(band, 0, 100).map(x);
      parts.push(svg("path", { d: `M${from} 46v6H${to}v-6`, class: "bracket" }));
      parts.push(text((from + to) / 2, 65, "good range", { anchor: "middle", kind: "good-name" }));
    }
    return canvas(width, height + 4, ...parts);
  };
  return figure({
    title,
    says: `${first} ${value} %, ${second.toLowerCase()} ${rest} %${band ? `; ${bandText(band, measure.unit)}` : ""}.`,
    draw,
    data: table(title, ["Part", "Share"], [[first, `${value} %`], [second, `${rest} %`]]),
  });
}

const STAGES = [
  ["end_of_turn_ms", "Sure that you had finished"],
  ["transcription_ms", "Last words understood"],
  ["moderation_ms", "Safety check"],
  ["first_token_ms", "First words of the answer"],
  ["first_audio_ms", "First sound made"],
  ["voice_to_voice_ms", "In all, until you heard it"],
];

/** How long the caller waited for each reply. */
export function latencyChart(turns) {
  const replies = turns.filter(({ latency }) => latency?.voice_to_voice_ms != null);
  const waits = replies.map(({ latency }) => latency.voice_to_voice_ms);
  const range = [0, Math.max(...waits) * 1.12 || 1];
  const draw = (width) => {
    const y = scale(range[0], range[1], HEIGHT - BOTTOM, TOP);
    const room = (width - LEFT - RIGHT) / replies.length;
    const bar = Math.min(28, room * 0.7);
    const every = Math.ceil((replies.length * 44) / (width - LEFT - RIGHT));
    const parts = grounds(width, range, y, null, "milliseconds");
    replies.forEach((turn, at) => {
      const x = LEFT + room * (at + 0.5);
      const top = y(waits[at]);
      parts.push(svg("rect", { x: x - bar / 2, y: top, width: bar, height: Math.max(1, HEIGHT - BOTTOM - top), rx: Math.min(4, bar / 2), class: "bar-part" }));
      if (at % every === 0) parts.push(text(x, HEIGHT - 8, clock(turn.start_ms), { anchor: "middle" }));
    });
    return canvas(width, HEIGHT, ...parts);
  };
  const used = STAGES.filter(([stage]) => replies.some(({ latency }) => latency[stage] != null));
  const rows = replies.map(({ start_ms: start, latency }) => [
    clock(start),
    ...used.map(([stage]) => (latency[stage] == null ? "–" : inSeconds(latency[stage]))),
  ]);
  return figure({
    title: "How long the agent took to answer",
    says: `${inSeconds(Math.min(...waits))} to ${inSeconds(Math.max(...waits))} from the end of your speech to its first sound.`,
    draw,
    data: table("Seconds of each reply, by step", ["Time in the call", ...used.map(([, name]) => name)], rows),
    note: "Seconds, by time in the call.",
  });
}

/** One figure over several calls. */
export function trendChart({ measure, points }) {
  const { title, unit, band } = measure;
  const values = points.map((point) => point.value);
  const range = domain(values, band);
  const draw = (width) => {
    const x = scale(0, points.length - 1, LEFT + 12, width - RIGHT - 12);
    const y = scale(range[0], range[1], HEIGHT - BOTTOM, TOP);
    const parts = grounds(width, range, y, band, unit);
    const every = Math.ceil((points.length * 64) / (width - LEFT - RIGHT));
    parts.push(svg("polyline", { points: points.map((point, at) => `${x(at)},${y(point.value)}`).join(" "), class: "between" }));
    points.forEach((point, at) => {
      parts.push(svg("circle", { cx: x(at), cy: y(point.value), r: 5, class: "dot" }));
      if ((points.length - 1 - at) % every === 0) parts.push(text(x(at), HEIGHT - 8, shortDay(point.started_at), { anchor: "middle" }));
    });
    return canvas(width, HEIGHT, ...parts);
  };
  const [, name] = valueParts(values[0], unit);
  const good = bandText(band, unit);
  return figure({
    title: name ? `${title}, ${name}` : title,
    says: `${valueText(values[0], unit)} at first, ${valueText(values.at(-1), unit)} in the newest of ${points.length} calls${good ? `; ${good}` : ""}.`,
    draw,
    data: table(title, ["Call", "Value"], points.map((point) => [shortDay(point.started_at), valueText(point.value, unit)])),
  });
}

const GAUGE_WIDTH = 200;

/** Where a value lies to its good range. The words beside it say the same. */
export function gauge(measure) {
  const [low, high] = gaugeRange(measure);
  const x = scale(low, high, 5, GAUGE_WIDTH - 5);
  const parts = [svg("rect", { x: 0, y: 7, width: GAUGE_WIDTH, height: 6, rx: 3, class: "track" })];
  const good = goodPart(measure.band, low, high);
  if (good) {
    const [from, to] = good.map(x);
    parts.push(svg("rect", { x: from, y: 5, width: Math.max(2, to - from), height: 10, rx: 3, class: "track-good" }));
  }
  parts.push(svg("circle", { cx: x(Math.min(Math.max(measure.value, low), high)), cy: 10, r: 6, class: "dot" }));
  return svg("svg", { viewBox: `0 0 ${GAUGE_WIDTH} 20`, class: "gauge", "aria-hidden": "true" }, ...parts);
}
