"""A synthesizer that ends the clause with another voice when the first one fails, saying nothing twice."""

from __future__ import annotations

import random
import re
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from voice_agent.engines.ports import AudioChunk, EngineError, Pcm, SpeechOptions, Synthesizer
from voice_agent.engines.resilience.attempts import Attempts, Member, Policy
from voice_agent.engines.resilience.requests import Clock, attempted, timed
from voice_agent.settings import EngineSettings

_PACKET_MS = 20
_WORD = re.compile(r"\S+")


def duration_ms(chunk: AudioChunk) -> float:
    """Length of the speech in a chunk."""
    if isinstance(chunk, Pcm):
        return len(chunk.data) / 2 / chunk.rate_hz * 1000
    return len(chunk.packets) * _PACKET_MS


def unspoken(text: str, spoken_ms: float, speed: float, chars_per_s: float) -> str:
    """What is left of `text` after `spoken_ms` of its speech, by an even pace of `chars_per_s` at speed 1.

    The word in which the speech broke off counts as spoken. Text without spaces is cut at the character.
    """
    spoken_chars = spoken_ms / 1000 * chars_per_s * speed
    if _WORD.fullmatch(text.strip()) and len(text.strip()) > chars_per_s:
        return text.strip()[int(spoken_chars) :]
    start = next((word.start() for word in _WORD.finditer(text) if word.start() >= spoken_chars), len(text))
    return text[start:]


class ResilientSynthesizer:
    def __init__(
        self,
        members: Sequence[Member[Synthesizer]],
        settings: EngineSettings,
        *,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = members[0].engine.name
        self._members = members
        self._policy = Policy.of(settings)
        self._first_s = settings.synthesizer_first_byte_timeout_s
        self._stall_s = settings.synthesizer_stall_timeout_s
        self._chars_per_s = settings.synthesizer_chars_per_s
        self._clock = clock
        self._jitter = jitter

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        """Streams speech for one clause. Raises EngineError when every engine failed."""
        attempts = Attempts(self._members, self._policy, self._jitter)
        step = attempts.begin(self._clock())
        while True:
            spoken_ms = 0.0
            try:
                async with attempted(step, "speech", self._clock, self._policy):
                    speech = timed(step.member.engine.speak(text, options), self._first_s, self._stall_s)
                    async with aclosing(speech):
                        async for chunk in speech:
                            spoken_ms += duration_ms(chunk)
                            yield chunk
                return
            except EngineError as error:
                if spoken_ms:
                    text = unspoken(text, spoken_ms, options.speed, self._chars_per_s)
                    if not text:
                        return
                following = attempts.after(error, self._clock(), delivered=spoken_ms > 0)
                if following is None:
                    raise
                step = following

    async def aclose(self) -> None:
        """Nothing of its own."""
