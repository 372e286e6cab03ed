/** How good the connection is, in words, from WebRTC statistics. */

/** Limits of "good" and of "fair"; above the latter it is poor. Loss as a share, times in ms. */
const LIMITS = { loss: [0.02, 0.08], rttMs: [250, 600], jitterMs: [30, 80] };

const WORDS = ["Good connection", "Fair connection", "Poor connection"];
export const LEVELS = ["good", "fair", "poor"];

/** 0 good, 1 fair, 2 poor: the worst of what was measured. */
export function judge(measured) {
  const levels = Object.entries(LIMITS).map(([name, limits]) => limits.filter((limit) => (measured[name] ?? 0) > limit).length);
  return Math.max(...levels);
}

export function inWords(level) {
  return WORDS[level];
}

/** Turns successive reports into `{loss, rttMs, jitterMs}` of the time between them. */
export class Measurement {
  #received = 0;
  #lost = 0;

  take(report) {
    const measured = { loss: 0, rttMs: 0, jitterMs: 0 };
    for (const entry of report.values()) {
      if (entry.type === "inbound-rtp" && entry.kind === "audio") {
        const received = entry.packetsReceived - this.#received;
        const lost = Math.max(0, entry.packetsLost - this.#lost);
        this.#received = entry.packetsReceived;
        this.#lost = entry.packetsLost;
        if (received + lost > 0) measured.loss = Math.max(measured.loss, lost / (received + lost));
        measured.jitterMs = (entry.jitter ?? 0) * 1000;
      } else if (entry.type === "remote-inbound-rtp") {
        measured.loss = Math.max(measured.loss, entry.fractionLost ?? 0);
      } else if (entry.type === "candidate-pair" && entry.nominated) {
        measured.rttMs = (entry.currentRoundTripTime ?? 0) * 1000;
      }
    }
    return measured;
  }
}
