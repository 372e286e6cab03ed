"""Cuts synthesized speech, in whatever pieces a synthesizer gives it, into frames that one Opus packet each can carry.

PCM is resampled to the nearest Opus rate where needed and cut into 20 ms; finished Opus packets stay as they are.
Durations are samples at 48 kHz, the clock of Opus over RTP. When frames leave is decided in `pacing.py`.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from voice_agent.audio.opus import FRAME_MS, RATES_HZ, OpusError, packet_duration_ms
from voice_agent.audio.resample import Resampler

PTS_HZ = 48_000
FRAME_SAMPLES = PTS_HZ * FRAME_MS // 1000


class PcmChunk(Protocol):
    """Mono s16le."""

    @property
    def data(self) -> bytes: ...
    @property
    def rate_hz(self) -> int: ...


class OpusChunk(Protocol):
    """Finished packets, passed on as they are."""

    @property
    def packets(self) -> tuple[bytes, ...]: ...


class Frame(NamedTuple):
    """`rate_hz` 0: `data` is an Opus packet of `samples` at 48 kHz; else 20 ms of PCM at that rate.

    There are fifty in a second of speech; a tuple is made faster than a frozen dataclass."""

    data: bytes
    rate_hz: int
    samples: int


def opus_rate(rate_hz: int) -> int:
    """The lowest Opus rate that keeps all of `rate_hz`; 48 kHz above that."""
    return next((rate for rate in RATES_HZ if rate >= rate_hz), RATES_HZ[-1])


def faded(frame: Frame, fade_ms: int, *, out: bool) -> Frame:
    """A PCM frame with a linear fade over its first `fade_ms`: in, or out to silence for the rest of it."""
    samples = np.frombuffer(frame.data, dtype="<i2").astype(np.float32)
    length = frame.rate_hz * fade_ms // 1000
    ramp = (np.arange(length, dtype=np.float32) + 1) / (length + 1)
    samples[:length] *= 1 - ramp if out else ramp
    if out:
        samples[length:] = 0
    return Frame(samples.astype("<i2").tobytes(), frame.rate_hz, frame.samples)


class FrameCutter:
    """The speech of one reply after another. `written` counts its samples at 48 kHz, without padding.

    `malformed` counts packets of a provider that were no Opus and were left out.
    """

    def __init__(self) -> None:
        self._resampler: Resampler | None = None
        self._tail = b""
        self.written = 0.0
        self.malformed = 0

    def write(self, chunk: PcmChunk | OpusChunk) -> list[Frame]:
        """The frames that `chunk` completes."""
        if hasattr(chunk, "packets"):
            return self.flush() + self._packets(chunk.packets)
        before: list[Frame] = []
        if self._resampler is None or self._resampler.from_hz != chunk.rate_hz:
            before = self.flush()
            self._resampler = Resampler(chunk.rate_hz, opus_rate(chunk.rate_hz))
        self.written += len(chunk.data) / 2 * PTS_HZ / chunk.rate_hz
        return before + self._cut(self._resampler.feed(chunk.data), self._resampler.to_hz)

    def flush(self) -> list[Frame]:
        """What is left, filled up with silence."""
        resampler, self._resampler = self._resampler, None
        if resampler is None:
            return []
        frames = self._cut(resampler.flush(), resampler.to_hz)
        if self._tail:
            size = resampler.to_hz * FRAME_MS // 1000 * 2
            frames.append(Frame(self._tail + bytes(size - len(self._tail)), resampler.to_hz, FRAME_SAMPLES))
            self._tail = b""
        return frames

    def discard(self) -> None:
        """Forgets what is left."""
        self._resampler = None
        self._tail = b""

    def _packets(self, packets: tuple[bytes, ...]) -> list[Frame]:
        frames: list[Frame] = []
        for packet in packets:
            try:
                samples = int(packet_duration_ms(packet) * PTS_HZ / 1000)
            except OpusError:
                # A provider's broken packet must not end the reply: the rest of it is still speech.
                self.malformed += 1
                continue
            self.written += samples
            frames.append(Frame(packet, 0, samples))
        return frames

    def _cut(self, pcm: bytes, rate_hz: int) -> list[Frame]:
        size = rate_hz * FRAME_MS // 1000 * 2
        pcm = self._tail + pcm
        whole = len(pcm) - len(pcm) % size
        self._tail = pcm[whole:]
        return [Frame(pcm[at : at + size], rate_hz, FRAME_SAMPLES) for at in range(0, whole, size)]
