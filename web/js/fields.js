/** Labelled fields of a form, each with a place for its hint and for what is wrong with it. */

import { make, show } from "./dom.js";

/**
 * `{row, input, fault(text)}` around an input, select or textarea: `fault` says what is wrong with it, "" that nothing
 * is. What is typed anew is not wrong any more.
 */
export function field(id, label, input, hint = "", ...more) {
  const hintText = make("p", { class: "hint", id: `${id}-hint` }, hint);
  const faultText = make("p", { class: "field-fault", id: `${id}-fault`, role: "alert" });
  hintText.hidden = !hint;
  faultText.hidden = true;
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-hint ${id}-fault`);
  const fault = (text) => {
    show(faultText, text);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => fault(""));
  const row = make("div", { class: "field" }, make("label", { for: id }, label), input, hintText, ...more, faultText);
  return { row, input, fault };
}

/** A choice between a few; each of `options` is `[value, word, explanation]`. */
export function choice(name, legend, options, chosen) {
  const rows = options.map(([value, word, explanation]) => {
    const radio = make("input", { type: "radio", name, value });
    radio.checked = value === chosen;
    return make("label", { class: "check" }, radio, make("span", {}, make("strong", {}, word), ` ${explanation}`));
  });
  const row = make("fieldset", { class: "plain choice" }, make("legend", {}, legend), ...rows);
  return { row, get value() { return row.querySelector(":checked").value; } };
}

/** A select; each of `options` is `[value, word]`. */
export function select(options) {
  const element = make("select");
  fillSelect(element, options);
  return element;
}

export function fillSelect(element, options) {
  element.replaceChildren(...options.map(([value, word]) => make("option", { value }, word)));
}
