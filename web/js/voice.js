/**
 * Carries a call over WebRTC: sound on two tracks, events on the data channel `oai-events`.
 *
 * The offer always says that we may send sound, even without a microphone: one that is allowed or plugged in later
 * can then take part without a new negotiation.
 */

import { ApiError, hangUp, sendOffer } from "./api.js";

const CONNECT_TIMEOUT_MS = 8_000;
/** A connection that hears nothing for so long is given up for a new one. */
const LOST_AFTER_MS = 3_000;
const MAX_WAITING = 32;

/**
 * Connects, or goes on with a lost call if there is a `resumeToken`. `handlers`: `event(object)` for each server event, `sound(stream)` for the agent's voice,
 * `link("connected" | "reconnecting")`, and `lost()` once when the connection ends by itself.
 * Throws ApiError when the server refuses (its `code` tells why) or no connection comes about ("no_connection").
 */
export async function connectVoice({ agent, access, resumeToken, track, handlers, signal }) {
  const { credential, iceServers, relayOnly } = access;
  const peer = new RTCPeerConnection({ iceServers, iceTransportPolicy: relayOnly ? "relay" : "all" });
  const carrier = new VoiceCarrier(peer, credential, handlers);
  try {
    await carrier.connect(agent, resumeToken ?? credential, track, signal);
  } catch (error) {
    // A lost call that did not come back by this attempt may come back by the next one.
    if (resumeToken) carrier.drop();
    else carrier.close();
    throw error;
  }
  return carrier;
}

class VoiceCarrier {
  mode = "voice";
  #peer;
  #credential;
  #handlers;
  #channel;
  #sender;
  #location = null;
  #waiting = [];
  #givingUp = 0;
  #closed = false;

  constructor(peer, credential, handlers) {
    this.#peer = peer;
    this.#credential = credential;
    this.#handlers = handlers;
    this.#channel = peer.createDataChannel("oai-events");
  }

  async connect(agent, bearer, track, signal) {
    const peer = this.#peer;
    this.#sender = peer.addTransceiver(track ?? "audio", { direction: "sendrecv" }).sender;
    peer.addEventListener("track", ({ track: sound }) => this.#handlers.sound(new MediaStream([sound])));
    this.#channel.addEventListener("open", () => this.#waiting.splice(0).forEach((text) => this.#channel.send(text)));
    this.#channel.addEventListener("message", ({ data }) => {
      if (!this.#closed) this.#handlers.event(JSON.parse(data));
    });
    this.#channel.addEventListener("close", () => this.#lose());
    const connected = this.#whenConnected(signal);
    // It may fail while the offer is still on its way; the failure is awaited below.
    connected.catch(() => {});
    await peer.setLocalDescription();
    const { answer, location } = await sendOffer(agent, bearer, peer.localDescription.sdp);
    this.#location = location;
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    await connected;
    peer.addEventListener("connectionstatechange", () => this.#watch());
    addEventListener("online", this.#online);
  }

  /** Back in a network, most often in another one, where the old connection leads nowhere. */
  #online = () => {
    if (this.#peer.connectionState !== "connected") this.#lose();
  };

  #whenConnected(signal) {
    return new Promise((resolve, reject) => {
      const failed = () => reject(new ApiError("A voice connection could not be made.", "no_connection"));
      const timer = setTimeout(failed, CONNECT_TIMEOUT_MS);
      signal.addEventListener("abort", failed);
      this.#peer.addEventListener("connectionstatechange", () => {
        if (this.#peer.connectionState === "connected") {
          clearTimeout(timer);
          resolve();
        } else if (["failed", "closed"].includes(this.#peer.connectionState)) {
          failed();
        }
      });
    });
  }

  #watch() {
    const state = this.#peer.connectionState;
    clearTimeout(this.#givingUp);
    if (state === "connected") this.#handlers.link("connected");
    else if (state === "disconnected") {
      this.#handlers.link("reconnecting");
      this.#givingUp = setTimeout(() => this.#lose(), LOST_AFTER_MS);
    } else this.#lose();
  }

  #lose() {
    if (this.#closed) return;
    this.drop();
    this.#handlers.lost();
  }

  send(event) {
    const text = JSON.stringify(event);
    if (this.#channel.readyState === "open") this.#channel.send(text);
    else if (this.#channel.readyState === "connecting" && this.#waiting.length < MAX_WAITING) this.#waiting.push(text);
  }

  /** Sends this microphone from now on; null sends none. */
  async setTrack(track) {
    await this.#sender.replaceTrack(track);
  }

  stats() {
    return this.#peer.getStats();
  }

  /** Lets go of the connection and not of the call. */
  drop() {
    this.#closed = true;
    clearTimeout(this.#givingUp);
    removeEventListener("online", this.#online);
    this.#peer.close();
  }

  close() {
    if (this.#closed) return;
    if (this.#location) hangUp(this.#location, this.#credential);
    this.drop();
  }
}
