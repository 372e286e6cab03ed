/**
 * Finds the way back into a call whose connection was lost, with the token that the server gave for that.
 *
 * A new connection is tried again and again, with growing pauses and at once when the browser says that it is online.
 * Where sound cannot get through but the server answers, the call goes on by text.
 */

import { ApiError } from "./api.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4_000;
/** So many connections for sound that came to nothing, although the server answered. */
const SILENT_ATTEMPTS = 2;
/** Refusals that a repetition does not change. */
const FINAL = new Set([401, 403, 404]);

/**
 * The new carrier. `byVoice` and `byText` make one or throw ApiError; `byVoice` is null for a call by text.
 * Throws ApiError after `seconds`, or as soon as the call is known to be over, and when `signal` is aborted.
 */
export async function recover({ seconds, byVoice, byText, signal }) {
  const deadline = performance.now() + seconds * 1000;
  let pauseMs = FIRST_PAUSE_MS;
  let silent = 0;
  while (!signal.aborted && performance.now() < deadline) {
    try {
      return await (byVoice && silent < SILENT_ATTEMPTS ? byVoice() : byText());
    } catch (error) {
      if (FINAL.has(error.status)) throw error;
      if (error.code === "no_connection") silent += 1;
    }
    await pause(pauseMs, signal);
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
  throw new ApiError("The connection could not be restored.", "lost");
}

function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
