/** Fillers and hedges in what was said. Knows nothing of the page. */

/** The kinds of marks, in the order of the legend. */
export const KINDS = [
  { kind: "filler_sound", name: "hesitation sound", label: "Hesitation sounds", example: "um, uh" },
  { kind: "filler_word", name: "filler word", label: "Filler words", example: "you know, like" },
  { kind: "hedge", name: "hedge", label: "Hedges", example: "maybe, I think" },
];

/** The text cut at its marks: `{text, kind}`, kind "" between them. Offsets count code points, as the server's do. */
export function pieces(text, marks) {
  const letters = Array.from(text);
  const found = [];
  let at = 0;
  const add = (end, kind) => {
    if (end > at) found.push({ text: letters.slice(at, end).join(""), kind });
    at = Math.max(at, end);
  };
  for (const { start, end, kind } of [...marks].sort((one, other) => one.start - other.start)) {
    add(start, "");
    add(Math.min(end, letters.length), kind);
  }
  add(letters.length, "");
  return found;
}

/** How often each kind is there: a Map from kind to number, kinds without any left out. */
export function counts(turns) {
  const found = new Map();
  for (const { kind } of turns.flatMap((turn) => turn.marks)) found.set(kind, (found.get(kind) ?? 0) + 1);
  return found;
}
