/** What a caller can do in a call, whatever carries it, in the words of the Realtime protocol. */

/** Errors that only mean that the two sides acted at the same moment. */
const HARMLESS = new Set(["response_cancel_not_active"]);

export class Call {
  #carrier;
  #activeResponse = false;
  #speaking = false;

  get mode() {
    return this.#carrier.mode;
  }

  /** Whether the agent prepares or speaks an answer, so that there is something to interrupt. */
  get busy() {
    return this.#activeResponse || this.#speaking;
  }

  constructor(carrier) {
    this.#carrier = carrier;
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
    if (this.#activeResponse) this.#carrier.send({ type: "response.cancel" });
    this.#carrier.send({ type: "output_audio_buffer.clear" });
  }

  /** Says something in writing, and asks for the answer. */
  say(text) {
    this.interrupt();
    const item = { type: "message", role: "user", content: [{ type: "input_text", text }] };
    this.#carrier.send({ type: "conversation.item.create", item });
    this.#carrier.send({ type: "response.create" });
  }

  /** A sign of life: it stops the agent's question and starts the silence anew, but is no turn of the conversation. */
  stillHere() {
    this.#carrier.send({ type: "output_audio_buffer.clear" });
  }

  async setTrack(track) {
    await this.#carrier.setTrack?.(track);
  }

  /** The connection's statistics; null where there is no sound to measure. */
  async stats() {
    return (await this.#carrier.stats?.()) ?? null;
  }

  end() {
    this.#carrier.close();
  }
}
