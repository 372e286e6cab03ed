/** The server's HTTP interface, as far as this page needs it. */

const TIMEOUT_MS = 10_000;

/** A refusal. `message` is a sentence for the person; `code` a stable word, `param` what it is about ("" where the server says neither). */
export class ApiError extends Error {
  constructor(message, code = "", status = 0, param = "") {
    super(message);
    this.code = code;
    this.status = status;
    this.param = param;
  }
}

/** As `fetch`, with a deadline. Throws ApiError where the server refuses or cannot be reached. */
export async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS), cache: "no-store", ...options });
  } catch {
    throw new ApiError("The server cannot be reached. Check your connection and try again.", "unreachable");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const { message, code, param } = body.error ?? {};
  throw new ApiError(message ?? "The server could not do that. Please try again.", code ?? "", response.status, param ?? "");
}

/** What the server offers: agents, engines, guests, limits. */
export async function loadConfig() {
  return (await request("/api/config")).json();
}

/**
 * What a guest who has agreed needs for one call: `{credential, iceServers, relayOnly}`. The relay, if the server names
 * one, is for networks that let nothing but it through. `wishes` are the session's `agent`.
 */
export async function guestAccess(agent, wishes) {
  return access(await post("/api/guest", { agent, consent: true, session: sessionOf(agent, wishes) }));
}

/** The same for the holder of an API key. */
export async function keyAccess(agent, key, wishes) {
  const headers = { Authorization: `Bearer ${key}` };
  return access(await post("/v1/realtime/client_secrets", { session: sessionOf(agent, wishes) }, headers));
}

function sessionOf(agent, wishes) {
  return { type: "realtime", model: agent, agent: wishes };
}

function post(path, body, headers = {}) {
  return request(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

async function access(response) {
  const { value, ice_servers: iceServers = [], ice_transport_policy: policy } = await response.json();
  return { credential: value, iceServers, relayOnly: policy === "relay" };
}

/** Sends the offer of a voice call; `location` is the call's address for hanging up. */
export async function sendOffer(agent, credential, sdp) {
  const response = await request(`/v1/realtime/calls?model=${encodeURIComponent(agent)}&greet=1`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp", Authorization: `Bearer ${credential}` },
    body: sdp,
  });
  return { answer: await response.text(), location: response.headers.get("Location") };
}

/** Where a call is hung up whose connection is lost. */
export function addressOf(callId) {
  return `/v1/realtime/calls/${encodeURIComponent(callId)}`;
}

/** Tells the server that the call is over, even while the page is closing. */
export function hangUp(location, credential) {
  fetch(`${location}/hangup`, { method: "POST", headers: { Authorization: `Bearer ${credential}` }, keepalive: true }).catch(
    // The server notices by itself when a caller is gone; this only makes it sooner.
    () => {},
  );
}
