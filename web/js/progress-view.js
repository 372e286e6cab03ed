/** Somebody's stored calls and how their figures went on; for an operator, figures of the helpdesk. Needs an API key. */

import { discardCall, listCalls, loadFigures, loadProgress, saveCall } from "./calls-api.js";
import { confirmed } from "./confirm.js";
import { byId, make, show } from "./dom.js";
import { figuresElements } from "./report/figures.js";
import { button } from "./report/parts.js";
import { trendElements } from "./report/trends.js";
import { agentTitle, counted, dayAndTime, duration, soon } from "./report/words.js";

export class ProgressView {
  #section = byId("progress");
  #key = "";
  #given = "";
  #last = "";
  #open;

  /** `open(call, key)` shows a call's report, `back()` leads to the start. */
  constructor({ open, back }) {
    this.#open = open;
    byId("progress-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#use(byId("progress-key").value.trim());
    });
    byId("more-calls").addEventListener("click", () => this.#list());
    byId("figures-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#figures();
    });
    byId("progress-back").addEventListener("click", back);
    byId("progress-other").addEventListener("click", () => this.#askForKey());
  }

  get hidden() {
    return this.#section.hidden;
  }

  /** `key`: the one that the person calls with, "" for a guest. A key that was entered here stands until that one changes. */
  show(key) {
    this.#section.hidden = false;
    scrollTo(0, 0);
    byId("progress-title").focus({ preventScroll: true });
    const wanted = key && key !== this.#given ? key : this.#key;
    this.#given = key;
    if (wanted) this.#use(wanted);
  }

  hide() {
    this.#section.hidden = true;
  }

  #askForKey() {
    byId("progress-form").hidden = false;
    byId("progress-found").hidden = true;
    byId("progress-other").hidden = true;
    byId("progress-key").value = "";
    byId("progress-key").focus();
  }

  async #use(key) {
    show(byId("progress-fault"), "");
    if (!key) {
      show(byId("progress-fault"), "Please enter an API key.");
      byId("progress-key").focus();
      return;
    }
    if (key !== this.#key) byId("figures").replaceChildren();
    const submit = byId("progress-submit");
    submit.disabled = true;
    byId("calls").replaceChildren();
    this.#last = "";
    try {
      const [page, progress] = await Promise.all([listCalls(key), loadProgress(key)]);
      this.#key = key;
      byId("progress-form").hidden = true;
      byId("progress-found").hidden = false;
      byId("progress-other").hidden = false;
      this.#draw(page);
      byId("trends").replaceChildren(...trendElements(progress));
    } catch (error) {
      this.#askForKey();
      show(byId("progress-fault"), error.message);
    } finally {
      submit.disabled = false;
    }
  }

  async #list() {
    try {
      const page = await listCalls(this.#key, { before: this.#last });
      show(byId("calls-fault"), "");
      this.#draw(page);
    } catch (error) {
      show(byId("calls-fault"), error.message);
    }
  }

  #draw({ data, has_more: more }) {
    byId("calls").append(...data.map((call) => this.#item(call)));
    this.#last = data.at(-1)?.id ?? this.#last;
    byId("more-calls").hidden = !more;
    byId("no-calls").hidden = byId("calls").childElementCount > 0;
  }

  #item(call) {
    const title = agentTitle(call.agent);
    const when = dayAndTime(call.started_at);
    const length = call.ended_at ? duration((new Date(call.ended_at) - new Date(call.started_at)) / 1000) : "still running";
    const state = make("p", { class: "hint" }, stateText(call));
    const named = (element, word) => {
      element.setAttribute("aria-label", `${word}: ${title}, ${when}`);
      return element;
    };
    const keep = button("Save", () => this.#save(call, item), { kind: "keep" });
    keep.hidden = call.saved || !call.ended_at;
    const item = make(
      "li",
      { class: "call-item" },
      make("div", {}, make("h3", { tabindex: "-1" }, title), make("p", {}, `${when} · ${length} · ${counted(call.turn_count, "turn")}`), state),
      make(
        "div",
        { class: "actions row" },
        named(button("Open the report", () => this.#open(call, this.#key)), "Open the report"),
        named(keep, "Save"),
        named(button("Delete", () => this.#delete(call, item), { kind: "quiet" }), "Delete"),
      ),
    );
    return item;
  }

  async #save(call, item) {
    if (!(await this.#asked(() => saveCall(call.id, this.#key)))) return;
    item.replaceWith(this.#item({ ...call, saved: true }));
    show(byId("calls-said"), "Saved.");
  }

  async #delete(call, item) {
    const title = `${agentTitle(call.agent)}, ${dayAndTime(call.started_at)}`;
    const text = `${title}: its words and the report are deleted. This cannot be undone.`;
    if (!(await confirmed({ title: "Delete this call?", text, act: "Delete it" }))) return;
    if (!(await this.#asked(() => discardCall(call.id, this.#key)))) return;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    item.remove();
    byId("no-calls").hidden = byId("calls").childElementCount > 0;
    (next?.querySelector("h3") ?? byId("progress-title")).focus();
    show(byId("calls-said"), "Deleted.");
  }

  async #asked(send) {
    show(byId("calls-fault"), "");
    try {
      await send();
      return true;
    } catch (error) {
      show(byId("calls-fault"), error.message);
      return false;
    }
  }

  async #figures() {
    const submit = byId("figures-submit");
    submit.disabled = true;
    show(byId("figures-fault"), "");
    try {
      const figures = await loadFigures(this.#key, byId("figures-days").value);
      byId("figures").replaceChildren(...figuresElements(figures));
    } catch (error) {
      byId("figures").replaceChildren();
      const refused = error.code === "operator_key_required";
      show(byId("figures-fault"), refused ? "These figures are about all callers, so they need an operator’s key." : error.message);
    } finally {
      submit.disabled = false;
    }
  }
}

function stateText({ saved, expires_at: until }) {
  if (saved) return "Saved";
  return until ? `Not decided yet: deleted at ${soon(until)}` : "Not decided yet";
}
