/**
 * Calls after their end: whether they are kept, their reports, and figures over many of them.
 *
 * `credential` is an API key, or the secret that a call was made with: that one is good for this call alone.
 */

import { ApiError, request } from "./api.js";

const REPORT_DEADLINE_MS = 180_000;
const ENDED_DEADLINE_MS = 8_000;
const RETRY_MS = 1_000;

const bearer = (credential) => ({ headers: { Authorization: `Bearer ${credential}` } });
const addressOf = (callId) => `/v1/calls/${encodeURIComponent(callId)}`;

async function json(path, credential, options = {}) {
  return (await request(path, { ...bearer(credential), ...options })).json();
}

/** A page of stored calls, the newest first: `{data, has_more}`. `before` is the id of the last one of the page before. */
export function listCalls(key, { before = "", limit = 20 } = {}) {
  const query = new URLSearchParams({ limit, ...(before && { before }) });
  return json(`/v1/calls?${query}`, key);
}

/** The call once its end has reached the server: `{stored, saved, expires_at, ...}`. Throws ApiError. */
export async function endedCall(callId, credential, { signal }) {
  const until = performance.now() + ENDED_DEADLINE_MS;
  for (;;) {
    try {
      const call = await json(addressOf(callId), credential);
      if (call.ended_at || performance.now() > until) return call;
    } catch (error) {
      // A call that has just ended may not be written down yet.
      if (error.code !== "call_gone" || performance.now() > until) throw error;
    }
    await pause(RETRY_MS, signal);
  }
}

export function saveCall(callId, credential) {
  return json(`${addressOf(callId)}/save`, credential, { method: "POST" });
}

/** Deletes what there is of the call: stored, or in the server's memory. */
export function discardCall(callId, credential) {
  return json(`${addressOf(callId)}/discard`, credential, { method: "POST" });
}

/** Waits for the report. Throws ApiError ("report_late" where it takes too long), or the reason of `signal`. */
export async function loadReport(callId, credential, { signal }) {
  const until = performance.now() + REPORT_DEADLINE_MS;
  for (;;) {
    const response = await request(`${addressOf(callId)}/report`, bearer(credential));
    signal.throwIfAborted();
    if (response.status !== 202) return response.json();
    if (performance.now() > until) throw new ApiError("The report takes longer than usual.", "report_late");
    await pause(1000 * (Number(response.headers.get("Retry-After")) || 2), signal);
  }
}

/** Trends of the key's saved calls: `{calls, trends}`. */
export function loadProgress(key) {
  return json("/v1/progress", key);
}

/** Figures of all stored helpdesk calls; for an operator's key. */
export function loadFigures(key, days) {
  return json(`/v1/helpdesk/figures?days=${days}`, key);
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
