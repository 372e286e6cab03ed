/** How loud a stream is, many times a second. The sound goes nowhere else. */

const FFT_SIZE = 1024;
const FLOOR_DB = -55;
const CEILING_DB = -12;
const SMOOTHING = 0.35;
const VISIBLE_CHANGE = 0.01;

let context = null;

/** The page's only audio context. Browsers start it after a click only, which every caller of this has behind it. */
export function audioContext() {
  context ??= new AudioContext();
  if (context.state === "suspended") context.resume();
  return context;
}

/** Root mean square of samples in -1…1 as a level in 0…1, even to the ear: -55 dB and less is 0, -12 dB and more 1. */
export function level(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length + 1e-12);
  return Math.min(1, Math.max(0, (decibels - FLOOR_DB) / (CEILING_DB - FLOOR_DB)));
}

/** Calls `show(level)` whenever the level has visibly changed, until the returned function is called. */
export function watchLevel(stream, show) {
  const source = audioContext().createMediaStreamSource(stream);
  const analyser = audioContext().createAnalyser();
  analyser.fftSize = FFT_SIZE;
  source.connect(analyser);
  const samples = new Float32Array(FFT_SIZE);
  let smooth = 0;
  let shown = 0;
  let frame = requestAnimationFrame(function measure() {
    analyser.getFloatTimeDomainData(samples);
    smooth += (level(samples) - smooth) * SMOOTHING;
    if (Math.abs(smooth - shown) >= VISIBLE_CHANGE) show((shown = smooth));
    frame = requestAnimationFrame(measure);
  });
  return () => {
    cancelAnimationFrame(frame);
    source.disconnect();
    show(0);
  };
}

/** Lights as many bars as the level says. */
export function bars(element) {
  const all = [...element.children];
  return (value) => all.forEach((bar, index) => bar.classList.toggle("lit", value * all.length > index + 0.25));
}
