"""Stub engines with the delays of a provider, on the loop's clock. The transcriber hears what was really sent to it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

from scripts.speech import frames, speak_timed, synthesize
from scripts.turn_bench.corpus import Word
from voice_agent.engines.ports import (
    AudioChunk,
    Pcm,
    SpeechOptions,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
)

RATE_HZ = 16_000
AGENT_VOICE = "en-gb-x-rp"
_BYTES_PER_MS = 32
_HEARD_SHARE = 0.6
"""A word is understood when this much of it was in the audio."""
_DIGITS = {word: str(digit) for digit, word in enumerate("zero one two three four five six seven eight nine".split())}


@dataclass(frozen=True, slots=True)
class Delays:
    """In ms, but for the rate."""

    word_ms: int = 100
    """From the end of a word, its sound sent, to a partial that holds it."""
    final_ms: int = 100
    """From the commit to the final transcript."""
    first_token_ms: int = 150
    tokens_per_s: float = 30.0
    first_byte_ms: int = 80


@dataclass(slots=True)
class Ear:
    """What there is to be heard, and how much of the sound has been sent."""

    words: list[Word] = field(default_factory=list)
    position_ms: int = 0
    punctuated: bool = False


class KnowingTranscriber:
    """Knows the words of the case and reveals those whose sound it was given. `partials` off: only finals."""

    name = "knowing"

    def __init__(self, ear: Ear, delays: Delays, *, partials: bool) -> None:
        self.partials = partials
        self._ear = ear
        self._delays = delays

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TranscriptionStream]:
        yield _Stream(self._ear, self._delays, partials=self.partials)

    async def aclose(self) -> None:
        pass


class _Stream:
    def __init__(self, ear: Ear, delays: Delays, *, partials: bool) -> None:
        self._ear = ear
        self._delays = delays
        self._partials = partials
        self._pushed_ms = 0
        self._known = 0
        self._committed: Sequence[Word] = ()
        self._due: asyncio.Queue[tuple[float, str | None]] = asyncio.Queue()

    def push(self, pcm: bytes) -> None:
        self._pushed_ms += len(pcm) // _BYTES_PER_MS
        heard = self._heard()
        if self._partials and len(heard) != self._known:
            self._known = len(heard)
            now = asyncio.get_running_loop().time()
            late_ms = max(0, self._ear.position_ms - heard[-1].end_ms) if heard else 0
            self._due.put_nowait(
                (now + max(0, self._delays.word_ms - late_ms) / 1000, " ".join(word.text for word in heard))
            )

    def commit(self) -> None:
        self._committed = self._heard(cut_words=True)
        now = asyncio.get_running_loop().time()
        self._due.put_nowait((now + self._delays.final_ms / 1000, None))

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        text: str | None = ""
        while text is not None:
            at, text = await self._due.get()
            await asyncio.sleep(max(0.0, at - asyncio.get_running_loop().time()))
            if text is not None:
                yield Transcript(text, False)
        yield Transcript(self._final(), True)

    def _heard(self, *, cut_words: bool = False) -> list[Word]:
        """Words whose sound is wholly in what was pushed, up to now; with `cut_words`, also those cut at an end."""
        end = self._ear.position_ms
        start = end - self._pushed_ms
        heard = []
        for word in self._ear.words:
            inside = min(word.end_ms, end) - max(word.start_ms, start)
            if inside >= _HEARD_SHARE * (word.end_ms - word.start_ms) and (cut_words or word.end_ms <= end):
                heard.append(word)
        return heard

    def _final(self) -> str:
        words = [word.text for word in self._committed]
        return written(words) if self._ear.punctuated and words else " ".join(words)


def written(words: Sequence[str]) -> str:
    """As transcribers write that put a mark behind whatever they are given: "My number is 555."."""
    text = ""
    for word in words:
        digit = _DIGITS.get(word)
        joined = digit is not None and text[-1:].isdigit()
        text += ("" if joined or not text else " ") + (digit or word)
    return text[0].upper() + text[1:] + "."


class SpeakingSynthesizer:
    """A real voice, so that its echo is speech."""

    name = "speaking"

    def __init__(self, delays: Delays) -> None:
        self._delays = delays
        self.word_ends: list[tuple[str, float]] = []
        """Every word spoken, and where it ends in ms of all its speech."""
        self._spoken_ms = 0.0

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        await asyncio.sleep(self._delays.first_byte_ms / 1000)
        pieces = frames(synthesize(text, RATE_HZ, voice=AGENT_VOICE))
        starts = dict(speak_timed(text, voice=AGENT_VOICE).word_starts)
        words = [(match.group().lower(), starts.get(match.start())) for match in re.finditer(r"[\w']+", text)]
        ends = [*(at for _, at in words[1:]), len(pieces) * 20]
        self.word_ends += [
            (word, self._spoken_ms + end) for (word, _), end in zip(words, ends, strict=True) if end is not None
        ]
        self._spoken_ms += len(pieces) * 20
        for pcm in pieces:
            yield Pcm(pcm, RATE_HZ)

    async def aclose(self) -> None:
        pass
