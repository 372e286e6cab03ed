/** Asks before something that cannot be undone. */

import { byId } from "./dom.js";

/** Resolves with true if the person agrees; with false for "Keep it" and the Escape key. */
export function confirmed({ title, text, act }) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-act").textContent = act;
  return new Promise((resolve) => {
    const listening = new AbortController();
    const answer = (agreed) => {
      listening.abort();
      dialog.close();
      resolve(agreed);
    };
    const on = (element, event, agreed) => element.addEventListener(event, () => answer(agreed), { signal: listening.signal });
    on(byId("confirm-act"), "click", true);
    on(byId("confirm-keep"), "click", false);
    on(dialog, "cancel", false);
    dialog.showModal();
    byId("confirm-keep").focus();
  });
}
