/** Pieces that reports and progress are put together from: panels, tables, what is folded away, files. */

import { icon, make } from "../dom.js";

export function panel(title, ...children) {
  const heading = make("h2", {}, title);
  return make("section", { class: "panel report-part" }, heading, ...children.filter(Boolean));
}

export function paragraph(text, kind = "") {
  return make("p", kind ? { class: kind } : {}, text);
}

/** Folded away under `summary`. */
export function folded(summary, ...children) {
  return make("details", { class: "more" }, make("summary", {}, summary), ...children);
}

/** Rows of texts or nodes; the first cell of a row is its heading. It scrolls by itself where it is too wide. */
export function table(caption, headings, rows) {
  const head = make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...others]) =>
    make("tr", {}, make("th", { scope: "row" }, first), ...others.map((cell) => make("td", {}, cell))),
  );
  return make(
    "div",
    { class: "table", tabindex: "0", role: "region", "aria-label": caption },
    make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body)),
  );
}

/** Somebody's own words. */
export function quote(text) {
  return make("blockquote", {}, make("p", {}, `“${text}”`));
}

export function button(text, act, { sign = "", kind = "" } = {}) {
  const element = make("button", { type: "button", class: `button ${kind}` }, ...(sign ? [icon(sign)] : []), make("span", {}, text));
  element.addEventListener("click", act);
  return element;
}

/** Gives the person a file with this text. */
export function download(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}
