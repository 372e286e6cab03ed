/**
 * What both sides have said, from server events. Knows nothing of the page, so it can be tested without one.
 *
 * A row is `{id, who: "caller" | "agent" | "note" | "ticket", text, final, cut, ticket}`. It is created where the turn
 * begins, so the order is that of the conversation, and grows until it is final.
 */

export class Captions {
  #rows = new Map();
  #notes = 0;
  #changed;

  /** `changed(row)` is called for each new or changed row, `row.gone` being true for one that came to nothing. */
  constructor(changed) {
    this.#changed = changed;
  }

  get rows() {
    return [...this.#rows.values()];
  }

  /** Something the caller wrote. */
  typed(text) {
    this.#set(`typed-${++this.#notes}`, "caller", { text, final: true });
  }

  /** Something the page or the server has to tell. */
  note(text) {
    this.#set(`note-${++this.#notes}`, "note", { text, final: true });
  }

  take(event) {
    const { item_id: id } = event;
    switch (event.type) {
      case "input_audio_buffer.speech_started":
        this.#set(id, "caller", {});
        break;
      case "input_audio_buffer.cleared":
        this.#dropUnfinished("caller");
        break;
      case "conversation.item.input_audio_transcription.delta":
        this.#set(id, "caller", { text: this.#text(id) + event.delta });
        break;
      case "conversation.item.input_audio_transcription.completed":
        this.#finish(id, "caller", event.transcript);
        break;
      case "conversation.item.input_audio_transcription.failed":
        this.#finish(id, "caller", "");
        break;
      case "agent.caption":
        if (event.final) this.#finish(id, "agent", event.text);
        else this.#set(id, "agent", { text: event.text });
        break;
      case "response.output_text.delta":
        this.#set(id, "agent", { text: this.#text(id) + event.delta });
        break;
      case "response.output_text.done":
        this.#finish(id, "agent", event.text);
        break;
      case "conversation.item.truncated":
        if (this.#rows.has(id)) this.#set(id, "agent", { cut: true });
        break;
      case "agent.ticket":
        this.#set(`ticket-${event.number}`, "ticket", { text: event.summary, ticket: event, final: true });
        break;
    }
  }

  /** The connection is gone: what was being said stays as far as it came. */
  close() {
    for (const row of this.rows.filter((each) => !each.final)) this.#finish(row.id, row.who, row.text);
  }

  #text(id) {
    return this.#rows.get(id)?.text ?? "";
  }

  #set(id, who, changes) {
    const row = { id, who, text: "", final: false, cut: false, ...this.#rows.get(id), ...changes };
    this.#rows.set(id, row);
    this.#changed(row);
  }

  #finish(id, who, text) {
    if (text.trim()) this.#set(id, who, { text: text.trim(), final: true });
    else if (this.#rows.has(id)) this.#drop(id);
  }

  #drop(id) {
    const row = this.#rows.get(id);
    this.#rows.delete(id);
    this.#changed({ ...row, gone: true });
  }

  #dropUnfinished(who) {
    for (const row of this.rows) if (row.who === who && !row.final) this.#drop(row.id);
  }
}
