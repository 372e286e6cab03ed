/** What a caller can do in a call, whatever carries it, in the words of the Realtime protocol. */

/** Silence, in ms, that ends a turn: while a button is held none is long enough, and after it any is. The first is the protocol's limit. */
const HELD_SILENCE_MS = 10_000;
const RELEASED_SILENCE_MS = 300;

/** Errors that only mean that the two sides acted at the same moment. */
const HARMLESS = new Set(["response_cancel_not_active"]);

const MAX_WAITING = 32;

export class Call {
  /** Null while the connection is lost and another one is sought; `#waiting` is what the caller wrote meanwhile. */
  #carrier;
  #mode;
  #waiting = [];
  #activeResponse = false;
  #speaking = false;

  get mode() {
    return this.#mode;
  }

  /** Whether the agent prepares or speaks an answer, so that there is something to interrupt. */
  get busy() {
    return this.#activeResponse || this.#speaking;
  }

  constructor(carrier) {
    this.#carrier = carrier;
    this.#mode = carrier.mode;
  }

  /** The connection is lost. */
  suspend() {
    this.#carrier = null;
    this.#activeResponse = false;
    this.#speaking = false;
  }

  /** The call goes on over another connection. */
  moveTo(carrier) {
    this.#carrier = carrier;
    this.#mode = carrier.mode;
    for (const event of this.#waiting.splice(0)) carrier.send(event);
  }

  #send(event) {
    if (this.#carrier) this.#carrier.send(event);
    else if (this.#waiting.length < MAX_WAITING) this.#waiting.push(event);
  }

  /** Takes note of a server event. False where it is not worth telling the caller about. */
  observe(event) {
    switch (event.type) {
      case "response.created":
        this.#activeResponse = true;
        break;
      case "response.done":
        this.#activeResponse = false;
        break;
      case "agent.state":
        this.#speaking = event.state === "speaking" || event.state === "paused";
        break;
      case "error":
        return !HARMLESS.has(event.error?.code);
    }
    return true;
  }

  /** Stops the agent: what it prepares, and what is still to be heard. */
  interrupt() {
    if (!this.#carrier) return;
    if (this.#activeResponse) this.#send({ type: "response.cancel" });
    this.#send({ type: "output_audio_buffer.clear" });
  }

  /** Says something in writing, and asks for the answer. */
  say(text) {
    this.interrupt();
    const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
    this.#send({ type: "conversation.item.create", item });
    this.#send({ type: "response.create" });
  }

  /** A sign of life: it stops the agent's question and starts the silence anew, but is no turn of the conversation. */
  stillHere() {
    this.#send({ type: "output_audio_buffer.clear" });
  }

  /** The caller begins to talk, and pauses do not end their turn before `letGo`. */
  hold() {
    this.interrupt();
    this.#detect({ type: "server_vad", silence_duration_ms: HELD_SILENCE_MS });
  }

  letGo() {
    this.#detect({ type: "server_vad", silence_duration_ms: RELEASED_SILENCE_MS });
  }

  /** The server judges by itself when the caller has finished. */
  judgeTurns() {
    this.#detect({ type: "semantic_vad" });
  }

  #detect(detection) {
    this.#send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: detection } } } });
  }

  async setTrack(track) {
    await this.#carrier?.setTrack?.(track);
  }

  /** The connection's statistics; null where there is no sound to measure, or no connection. */
  async stats() {
    return (await this.#carrier?.stats?.()) ?? null;
  }

  end() {
    this.#carrier?.close();
  }
}
