/**
 * Carries a call over a WebSocket: text only, no sound either way.
 *
 * It does not ask the server to mind silences: whoever writes may take their time. So the page asks for the greeting
 * itself, once the session is set to text.
 */

import { ApiError } from "./api.js";

const CONNECT_TIMEOUT_MS = 8_000;

/** Connects, or goes on with a lost call if there is a `resumeToken`; `handlers` as in `voice.js`. Throws ApiError ("no_connection") where that fails. */
export async function connectText({ agent, access, resumeToken, handlers, signal }) {
  const address = new URL(`/v1/realtime?model=${encodeURIComponent(agent)}`, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address, ["realtime", `openai-insecure-api-key.${resumeToken ?? access.credential}`]);
  await new Promise((resolve, reject) => {
    const failed = () => {
      socket.close();
      reject(new ApiError("A connection could not be made. Please try again.", "no_connection"));
    };
    const timer = setTimeout(failed, CONNECT_TIMEOUT_MS);
    signal.addEventListener("abort", failed);
    socket.addEventListener("error", failed);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return new TextCarrier(socket, handlers, { greeted: Boolean(resumeToken) });
}

class TextCarrier {
  mode = "text";
  #socket;

  constructor(socket, handlers, { greeted }) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => handlers.event(JSON.parse(data)));
    socket.addEventListener("close", () => {
      if (this.#socket) handlers.lost();
      this.#socket = null;
    });
    this.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
    if (!greeted) this.send({ type: "response.create" });
  }

  send(event) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(event));
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}
