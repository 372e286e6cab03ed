/**
 * The appearance menu: light, dark or as the system; motion or a still picture; figures for developers. These choices are
 * the only thing this page stores.
 *
 * The head loads this module before the first paint, so that a chosen theme does not flash.
 */

const THEME = "theme";
const STILL = "still";
const TIMING = "timing";

/** Storage may be forbidden by the browser; a choice then lasts as long as the page. */
function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function store(name, value) {
  try {
    if (value) localStorage.setItem(name, value);
    else localStorage.removeItem(name);
  } catch {
    // Forbidden: the choice still holds for this page.
  }
}

function apply(name, value) {
  if (value) document.documentElement.dataset[name] = value;
  else delete document.documentElement.dataset[name];
}

const theme = ["light", "dark"].find((name) => name === stored(THEME)) ?? "";
apply(THEME, theme);
apply(STILL, stored(STILL) ? "yes" : "");

/** Connects the controls of the appearance menu; `timing(wanted)` is told whether to show how quick answers were. */
export function bindAppearance({ timing }) {
  for (const choice of document.querySelectorAll("input[name=theme]")) {
    choice.checked = choice.value === (theme || "system");
    choice.addEventListener("change", () => {
      const value = choice.value === "system" ? "" : choice.value;
      apply(THEME, value);
      store(THEME, value);
    });
  }
  const still = document.getElementById("still");
  still.checked = Boolean(stored(STILL));
  still.addEventListener("change", () => {
    apply(STILL, still.checked ? "yes" : "");
    store(STILL, still.checked ? "yes" : "");
  });
  const quick = document.getElementById("show-timing");
  quick.checked = Boolean(stored(TIMING));
  timing(quick.checked);
  quick.addEventListener("change", () => {
    timing(quick.checked);
    store(TIMING, quick.checked ? "yes" : "");
  });
}
