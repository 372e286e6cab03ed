/**
 * A call that is over: whether it is kept comes first, then its report; also for one that was opened from the list.
 *
 * What the page says about keeping is what the server answers, not what was wished before the call.
 */

import { discardCall, endedCall, loadReport, saveCall } from "./calls-api.js";
import { confirmed } from "./confirm.js";
import { asText, rowElement } from "./conversation.js";
import { byId, make, show } from "./dom.js";
import { download } from "./report/parts.js";
import { reportPanels } from "./report/report-view.js";
import { agentTitle, dayAndTime, duration, soon } from "./report/words.js";

const REASONS = {
  hangup: ["The call has ended", "You ended it. Thank you for talking."],
  idle: ["The call has ended", "It was quiet for a while, so the agent said goodbye."],
  time_limit: ["The call has ended", "It reached its time limit."],
  shutdown: ["The call has ended", "The server is being restarted. Please call again in a moment."],
  error: ["The call broke off", "Something went wrong on the server."],
  lost: ["The connection was lost", "The server could not be reached any more."],
};
const WITHOUT_REPORT = {
  call_gone: "There is no report: nothing is kept of this call any more.",
  call_not_found: "There is no report: the server does not know this call.",
  not_found: "There is no report: this server keeps no calls.",
  report_failed: "No report could be made of this call.",
  invalid_secret: "The time in which this page could ask for the report is over.",
};
const COPIED_MS = 4_000;

export class AfterView {
  #section = byId("after");
  /** What is shown: `{callId, credential, rows, guest, tickets, abort, report}`; null while nothing is. */
  #shown = null;

  /** `again()` leads back to the start, `againByText()` straight into a call by text, `calls()` to the list of calls. */
  constructor({ again, againByText, calls }) {
    byId("again").addEventListener("click", again);
    byId("again-text").addEventListener("click", againByText);
    byId("to-calls").addEventListener("click", calls);
    byId("copy").addEventListener("click", () => this.#copy());
    byId("save").addEventListener("click", () => download("conversation.txt", "text/plain", asText(this.#shown.rows)));
    byId("save-json").addEventListener("click", () => download("conversation.json", "application/json", this.#asJson()));
    byId("keep-call").addEventListener("click", () => this.#keep());
    byId("discard-call").addEventListener("click", () => this.#discard());
    byId("report-again").addEventListener("click", () => this.#fetchReport(this.#shown));
  }

  /** A call that has just ended. `callId` is "" where it never got one; `credential` is the key or the call's secret. */
  show({ reason, rows, seconds, guest, callId, credential }) {
    const [title, sentence] = REASONS[reason] ?? REASONS.lost;
    byId("again-text").hidden = !["lost", "error"].includes(reason);
    this.#open({ callId, credential, guest, rows }, title, `${sentence} It took ${duration(seconds)}.`);
  }

  /** A stored call, as the server's list gives it. */
  open(call, key) {
    byId("again-text").hidden = true;
    const seconds = call.ended_at ? (new Date(call.ended_at) - new Date(call.started_at)) / 1000 : 0;
    const about = `${dayAndTime(call.started_at)}${seconds ? `, ${duration(seconds)}` : ""}`;
    this.#open({ callId: call.id, credential: key, guest: false, rows: [] }, agentTitle(call.agent), about);
  }

  hide() {
    this.#section.hidden = true;
    this.#shown?.abort.abort();
    this.#shown = null;
    this.#forget();
  }

  get hidden() {
    return this.#section.hidden;
  }

  #open(call, title, about) {
    this.#shown?.abort.abort();
    const tickets = call.rows.filter((row) => row.who === "ticket").map((row) => row.ticket);
    const shown = { ...call, tickets, abort: new AbortController(), report: null };
    this.#shown = shown;
    this.#forget();
    byId("after-title").textContent = title;
    byId("after-reason").textContent = about;
    byId("to-calls").hidden = call.guest;
    byId("after-conversation").replaceChildren(...call.rows.map(rowElement));
    byId("own-copy").hidden = !call.rows.length;
    byId("downloads").hidden = !call.rows.length;
    this.#tellKept(call.guest ? "None of the words: you called as a guest." : "The words, under your API key.");
    this.#section.hidden = false;
    scrollTo(0, 0);
    byId("after-title").focus({ preventScroll: true });
    if (call.callId) {
      this.#learn(shown);
      this.#fetchReport(shown);
    } else {
      this.#decision("Only this page has this conversation", "It is gone when you leave or start again.", {});
    }
  }

  #forget() {
    byId("after-conversation").replaceChildren();
    byId("report").replaceChildren();
    byId("report-waiting").hidden = true;
    show(byId("copied"), "");
    show(byId("decision-fault"), "");
    this.#decision("What becomes of this conversation", "One moment …", {});
  }

  // --- kept or not

  async #learn(shown) {
    let call;
    try {
      call = await endedCall(shown.callId, shown.credential, { signal: shown.abort.signal });
    } catch (error) {
      if (this.#shown !== shown) return;
      if (error.code === "unreachable") this.#decision("The server cannot be reached", "Whether anything is kept can be seen when it is back.", {});
      else this.#decision("The server has nothing of this conversation", "If this page still has it, it is gone when you leave or start again.", {});
      return;
    }
    if (this.#shown === shown) this.#tellState(call);
  }

  #tellState({ stored, saved, expires_at: until }) {
    if (!stored) {
      const memory = until ? `The server has the words in its memory until ${soon(until)}, for the report below` : "The server has the words in its memory, for the report below";
      const page = this.#shown.rows.length ? "; this page has them until you leave" : "";
      if (!this.#shown.guest) this.#tellKept("None of the words: you asked for that.");
      this.#decision("Nothing of this conversation is stored", `${memory}${page}. Then they are gone.`, { discard: "Discard now" });
    } else if (saved) {
      this.#decision("This conversation is saved", "Its words and the report are kept under your API key until you delete them.", { discard: "Delete it" });
    } else {
      const end = until ? `If you do not decide, both are deleted at ${soon(until)}.` : "If you do not decide, both are deleted after a while.";
      this.#tellKept("The words, under your API key, until you decide.");
      this.#decision("Save this conversation?", `Saved, its words and the report stay under your API key until you delete them. ${end}`, { keep: true, discard: "Discard it" });
    }
  }

  #decision(title, text, { keep = false, discard = "" }) {
    byId("decision-title").textContent = title;
    byId("decision-text").textContent = text;
    byId("keep-call").hidden = !keep;
    byId("discard-call").hidden = !discard;
    byId("discard-call").querySelector("span").textContent = discard;
    byId("decision-actions").hidden = !keep && !discard;
  }

  #tellKept(words) {
    byId("after-kept").replaceChildren(
      make("li", {}, "No audio of either side."),
      make("li", {}, words),
      ...this.#shown.tickets.map(({ reference, summary }) => make("li", {}, `Ticket ${reference}, which you asked for: ${summary}`)),
      make("li", {}, "When the call was, how long it took and how fast the server answered."),
    );
  }

  async #keep() {
    const shown = this.#shown;
    if (!(await this.#asked(() => saveCall(shown.callId, shown.credential)))) return;
    this.#tellKept("The words, under your API key: you saved them.");
    this.#tellState({ stored: true, saved: true });
    byId("decision-title").focus();
  }

  async #discard() {
    const shown = this.#shown;
    const sure = await confirmed({
      title: "Delete this conversation?",
      text: "Its words and the report are deleted, on the server and in this page. This cannot be undone. If you want a copy, download it first.",
      act: "Delete it",
    });
    if (!sure || this.#shown !== shown) return;
    if (!(await this.#asked(() => discardCall(shown.callId, shown.credential)))) return;
    const ticket = shown.tickets.length > 0 || shown.report?.section?.ticket;
    shown.abort.abort();
    shown.rows = [];
    shown.report = null;
    this.#forget();
    byId("own-copy").hidden = true;
    byId("downloads").hidden = true;
    this.#tellKept("None of the words: you deleted them.");
    this.#decision("The conversation is deleted", ticket ? "Nothing of it is left but the ticket that you asked for." : "Nothing of it is left, here or on the server.", {});
    byId("decision-title").focus();
  }

  /** Runs a request with the buttons at rest. False, and a word on it, where it failed. */
  async #asked(send) {
    const shown = this.#shown;
    const buttons = [byId("keep-call"), byId("discard-call")];
    for (const each of buttons) each.disabled = true;
    show(byId("decision-fault"), "");
    try {
      await send();
      return this.#shown === shown;
    } catch (error) {
      if (this.#shown === shown) show(byId("decision-fault"), error.message);
      return false;
    } finally {
      for (const each of buttons) each.disabled = false;
    }
  }

  // --- the report

  async #fetchReport(shown) {
    byId("report-waiting").hidden = false;
    byId("report-again").hidden = true;
    byId("report-spinner").hidden = false;
    byId("report-word").textContent = "Your report is being made. This can take a minute.";
    try {
      const report = await loadReport(shown.callId, shown.credential, { signal: shown.abort.signal });
      if (this.#shown !== shown) return;
      shown.report = report;
      byId("report").replaceChildren(...reportPanels(report));
      byId("report-word").textContent = "";
      byId("report-waiting").hidden = true;
      // The report has the same conversation, with what is marked in it.
      byId("own-copy").hidden = true;
    } catch (error) {
      if (this.#shown !== shown || shown.abort.signal.aborted) return;
      byId("report-spinner").hidden = true;
      byId("report-again").hidden = error.code in WITHOUT_REPORT;
      byId("report-word").textContent = WITHOUT_REPORT[error.code] ?? error.message;
    }
  }

  // --- the caller's own copy

  #asJson() {
    const { rows, report } = this.#shown;
    const said = rows.map(({ who, text, cut, ticket }) => ({ who, text, interrupted: Boolean(cut), ...(ticket && { ticket }) }));
    return JSON.stringify({ conversation: said, ...(report && { report }) }, null, 2);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(asText(this.#shown.rows));
      show(byId("copied"), "Copied.");
    } catch {
      show(byId("copied"), "The browser did not allow that. You can save it as a file.");
    }
    setTimeout(() => show(byId("copied"), ""), COPIED_MS);
  }
}
