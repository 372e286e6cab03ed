"""Takes the silence off the beginning of a clause: some voices begin with 200 ms of it, and the caller waits.

Only the beginning: the silence behind a sentence is its pause. PCM only; a provider's Opus packets pass unopened.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import numpy as np

from voice_agent.engines.ports import AudioChunk, Pcm, SpeechOptions, Synthesizer

_AUDIBLE = 10 ** (-50 / 20) * 32768
"""Amplitude of s16le at -50 dBFS: below it is what a listener takes for silence, above it the softest consonants."""
_KEPT_MS = 15
"""Left before the first audible sample, so that a soft onset is not clipped."""


class TrimmingSynthesizer:
    """A synthesizer whose clauses begin with sound."""

    def __init__(self, inner: Synthesizer) -> None:
        self.name = inner.name
        self._inner = inner

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        """As the engine's own `speak`. A clause that is silent throughout is left as it is. Raises EngineError."""
        silent: list[Pcm] = []
        sounding = False
        async with aclosing(self._inner.speak(text, options)) as speech:
            async for chunk in speech:
                if sounding or not isinstance(chunk, Pcm):
                    sounding = True
                    yield chunk
                    continue
                silent.append(chunk)
                trimmed = _from_first_sound(b"".join(each.data for each in silent), chunk.rate_hz)
                if trimmed:
                    sounding = True
                    yield Pcm(trimmed, chunk.rate_hz)
        if not sounding:
            for chunk in silent:
                yield chunk

    async def aclose(self) -> None:
        """The engine behind it is left to its owner."""


def _from_first_sound(data: bytes, rate_hz: int) -> bytes:
    """What follows of s16le from shortly before the first audible sample; nothing if there is none."""
    samples = np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")
    audible = np.abs(samples.astype(np.int32)) >= _AUDIBLE
    if not audible.any():
        return b""
    first = int(audible.argmax()) - rate_hz * _KEPT_MS // 1000
    return data[max(first, 0) * 2 :]
