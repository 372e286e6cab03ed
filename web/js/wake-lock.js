/** Keeps the screen on during a call, where the browser can. */

/** Returns how to let the screen go dark again. */
export function keepAwake() {
  let lock = null;
  let wanted = true;
  const acquire = async () => {
    if (!wanted || document.visibilityState !== "visible") return;
    try {
      lock = await navigator.wakeLock?.request("screen");
      if (!wanted) await lock?.release();
    } catch {
      // A low battery or a browser's setting forbids it; the call goes on without.
    }
  };
  document.addEventListener("visibilitychange", acquire);
  acquire();
  return () => {
    wanted = false;
    document.removeEventListener("visibilitychange", acquire);
    lock?.release();
  };
}
