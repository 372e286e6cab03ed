/** The arithmetic of charts: ranges, ticks and scales. Knows nothing of the page. */

/** A function from values between `low` and `high` to pixels between `from` and `to`. */
export function scale(low, high, from, to) {
  const width = high - low || 1;
  return (value) => from + ((value - low) / width) * (to - from);
}

/**
 * The values that an axis shows: all that are given and the good range, with some air, never below zero.
 * A single value, or values all the same, still have an axis with some height.
 */
export function domain(values, band) {
  const all = [...values, band?.good_min, band?.good_max].filter((value) => value != null);
  const low = Math.min(...all);
  const high = Math.max(...all);
  const air = (high - low) * 0.12 || Math.abs(high) * 0.2 || 1;
  return [Math.max(0, low - air), high + air];
}

/** Round numbers inside a range: about `most`, at steps of 1, 2 or 5 times a power of ten. */
export function ticks(low, high, most = 4) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough);
  const first = Math.ceil(low / step);
  const last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Round times inside a call of `ms`, at steps that people use. */
export function timeTicks(ms, most = 6) {
  const steps = [5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600].map((seconds) => seconds * 1000);
  const step = steps.find((size) => ms / size <= most) ?? steps.at(-1);
  return Array.from({ length: Math.floor(ms / step) + 1 }, (_, at) => at * step);
}

/** The range that a gauge shows of a measure: value and all bounds inside, percentages and points whole. */
export function gaugeRange({ value, band, unit }) {
  if (unit === "percent" || unit === "points of 100") return [0, Math.max(100, value)];
  if (unit === "points of 5") return [0, 5];
  const bounds = Object.values(band ?? {}).filter((bound) => bound != null);
  return [0, Math.max(value, ...bounds) * 1.15 || 1];
}

/** The part of a range that is good, clipped to it; without a good range what is not worth a look. Null: none is known. */
export function goodPart(band, low, high) {
  if (!band) return null;
  const from = band.good_min ?? band.flag_below ?? low;
  const to = band.good_max ?? band.flag_above ?? band.flag_from ?? high;
  return [Math.max(low, from), Math.min(high, to)];
}
