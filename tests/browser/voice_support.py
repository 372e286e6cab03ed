"""A browser whose microphone says what a test says, and whose speaker is measured. Not a test module.

The page is untouched: before it loads, `getUserMedia` is given a synthetic microphone (a quiet room), and what comes by
WebRTC, sound and events, is noted with its time as well as played. All times are the page's `performance.now()`, ms.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Page, TimeoutError, async_playwright

from scripts.prepare_browser import installed
from tests.browser.conftest import ARGUMENTS, Observed, watch
from tests.browser.page_support import agree_and_choose

RATE_HZ = 48_000
TURN_TIMEOUT_MS = 30_000
SILENT_RMS = 0.003
"""-50 dBFS: less is silence to a listener."""

_SCRIPT = """
(() => {
  const RATE_HZ = 48000, SILENT_RMS = 0.003, LEVEL_MS = 10, ROOM_RMS = 0.0006;
  const voice = (window.voiceTest = { events: [], levels: [] });
  let context = null, mouth = null;

  const room = () => {
    const buffer = context.createBuffer(1, 2 * RATE_HZ, RATE_HZ);
    const samples = buffer.getChannelData(0);
    for (let i = 0; i < samples.length; i++) samples[i] = (Math.random() * 2 - 1) * Math.sqrt(3) * ROOM_RMS;
    return new AudioBufferSourceNode(context, { buffer, loop: true });
  };
  navigator.mediaDevices.getUserMedia = async () => {
    context ??= new AudioContext({ sampleRate: RATE_HZ });
    mouth = context.createMediaStreamDestination();
    const noise = room();
    noise.connect(mouth);
    noise.start();
    return mouth.stream;
  };

  /** Speaks s16le at RATE_HZ, given in base64. Resolves at its end with {start, end}. */
  voice.say = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const pcm = new Int16Array(bytes.buffer);
    const buffer = context.createBuffer(1, pcm.length, RATE_HZ);
    buffer.getChannelData(0).set(Float32Array.from(pcm, (value) => value / 32768));
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(mouth);
    const ended = new Promise((resolve) => source.addEventListener("ended", resolve));
    const start = performance.now();
    source.start();
    await ended;
    return { start, end: performance.now() };
  };

  const listen = (track) => {
    const ear = new AudioContext({ sampleRate: RATE_HZ });
    const analyser = new AnalyserNode(ear, { fftSize: 1024 });
    ear.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const rms = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
      voice.levels.push([performance.now(), rms]);
    }, LEVEL_MS);
  };
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...given) {
      super(...given);
      this.addEventListener("track", ({ track }) => listen(track));
    }
    createDataChannel(...given) {
      const channel = super.createDataChannel(...given);
      channel.addEventListener("message", ({ data }) =>
        voice.events.push({ at: performance.now(), ...JSON.parse(data) }));
      return channel;
    }
  };

  voice.after = (since) => voice.events.slice(since);
  /** When the first sound after a moment was heard; 0 if none was. */
  voice.soundAfter = (moment) => voice.levels.find(([at, rms]) => at >= moment && rms > SILENT_RMS)?.[0] ?? 0;
  /** When a silence of so many ms began, after a moment; 0 if there was none. */
  voice.silenceAfter = (moment, length) => {
    let began = 0;
    for (const [at, rms] of voice.levels) {
      if (at < moment) continue;
      if (rms > SILENT_RMS) began = 0;
      else {
        began ||= at;
        if (at - began >= length) return began;
      }
    }
    return 0;
  };
})();
"""


@dataclass(frozen=True, slots=True)
class CallPage:
    """The page with its two senses."""

    page: Page
    observed: Observed

    async def start(self, agent: str = "helpdesk") -> None:
        """A guest's call by voice."""
        await agree_and_choose(self.page, agent)
        await self.page.locator("#start").click()

    async def now(self) -> float:
        return float(await self.page.evaluate("performance.now()"))

    async def say(self, pcm: bytes) -> tuple[float, float]:
        """Speaks mono s16le at 48 kHz; returns when it began and ended."""
        spoken = await self.page.evaluate("pcm => voiceTest.say(pcm)", base64.b64encode(pcm).decode())
        return float(spoken["start"]), float(spoken["end"])

    async def count(self) -> int:
        """How many server events there were so far."""
        return int(await self.page.evaluate("voiceTest.events.length"))

    async def event(self, *kinds: str, since: int = 0) -> dict[str, Any]:
        """The first server event of these types from number `since` on; waits for it."""
        find = "([kinds, since]) => voiceTest.after(since).find(({ type }) => kinds.includes(type))"
        try:
            found = await self.page.wait_for_function(find, arg=[kinds, since], timeout=TURN_TIMEOUT_MS)
        except TimeoutError:
            came = await self.page.evaluate("since => voiceTest.after(since).map(({ type }) => type)", since)
            pytest.fail(f"none of {kinds} among {came}")
        event: dict[str, Any] = await found.json_value()
        return event

    async def sound_after(self, moment: float) -> float:
        """Waits for a sound and returns when it began."""
        heard = await self.page.wait_for_function(
            "moment => voiceTest.soundAfter(moment)", arg=moment, timeout=TURN_TIMEOUT_MS
        )
        return float(await heard.json_value())

    async def silence_after(self, moment: float, length_ms: int) -> float:
        """Waits for a silence of `length_ms` and returns when it began."""
        heard = await self.page.wait_for_function(
            "([moment, length]) => voiceTest.silenceAfter(moment, length)",
            arg=[moment, length_ms],
            timeout=TURN_TIMEOUT_MS,
        )
        return float(await heard.json_value())


@contextlib.asynccontextmanager
async def call_page(url: str) -> AsyncIterator[CallPage]:
    """The page at `url` in a browser of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=installed(), args=list(ARGUMENTS))
        try:
            page = await browser.new_page()
            await page.add_init_script(_SCRIPT)
            observed = watch(page)
            await page.goto(url)
            await page.locator("#agents .card").first.wait_for()
            yield CallPage(page, observed)
        finally:
            await browser.close()
