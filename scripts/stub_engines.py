"""Engines, a recorder and a ticket store without a provider or a database, for whole calls in one process.

What they do is chosen by whoever makes them; delays pass on the loop's clock, which may jump (`autojump`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from voice_agent.engines.ports import (
    AudioChunk,
    EngineError,
    Finished,
    Pcm,
    ReplyEvent,
    ReplyRequest,
    SpeechOptions,
    TextDelta,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
    Usage,
    Verdict,
)
from voice_agent.records import CallEnded, CallStarted, NewTicket, Turn

RATE_HZ = 16_000
MS_PER_CHARACTER = 60


class ScriptedTranscriber:
    """Hears what it is told was said: the next text per utterance, final after a delay."""

    name = "scripted"
    partials = True

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.saying: list[str] = []
        self.fails = False
        self.options: list[TranscriptionOptions] = []

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        self.options.append(options)
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[TranscriptionStream]:
        yield ScriptedStream(self)

    async def aclose(self) -> None:
        pass


class ScriptedStream:
    def __init__(self, owner: ScriptedTranscriber) -> None:
        self._owner = owner
        self._committed = asyncio.Event()
        self.heard = 0

    def push(self, pcm: bytes) -> None:
        self.heard += len(pcm)

    def commit(self) -> None:
        self._committed.set()

    async def __aiter__(self) -> AsyncIterator[Transcript]:
        await self._committed.wait()
        await asyncio.sleep(self._owner.delay_s)
        if self._owner.fails:
            raise EngineError("scripted failure", code="cut", retryable=True)
        yield Transcript(self._owner.saying.pop(0) if self._owner.saying else "", True)


Script = Callable[[ReplyRequest], Sequence[ReplyEvent | float | EngineError]]
"""What the model does: events, waits in seconds, an error."""


class ScriptedModel:
    name = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[ReplyRequest] = []
        self.closed_early = 0

    async def reply(self, request: ReplyRequest) -> AsyncGenerator[ReplyEvent, None]:
        self.requests.append(request)
        finished = False
        try:
            for step in self.script(request):
                if isinstance(step, float):
                    await asyncio.sleep(step)
                elif isinstance(step, EngineError):
                    raise step
                else:
                    yield step
            finished = True
        finally:
            self.closed_early += not finished

    async def aclose(self) -> None:
        pass


def answering(*texts: str, first_token_s: float = 0.15, tokens_per_s: float = 30.0) -> Script:
    """Answers in turn, token by token; the last answer is repeated."""
    replies = list(texts)

    def script(_: ReplyRequest) -> Sequence[ReplyEvent | float | EngineError]:
        text = replies.pop(0) if len(replies) > 1 else replies[0]
        steps: list[ReplyEvent | float | EngineError] = [first_token_s]
        for number, word in enumerate(text.split(" ")):
            steps += [TextDelta(word if number == 0 else " " + word), 1 / tokens_per_s]
        return [*steps, Usage(50, len(text.split(" "))), Finished("stop")]

    return script


class ToneSynthesizer:
    """Audible and of known length: `MS_PER_CHARACTER` for every character."""

    name = "tone"

    def __init__(self, first_byte_s: float) -> None:
        self.first_byte_s = first_byte_s
        self.spoken: list[str] = []
        self.options: list[SpeechOptions] = []
        self.fails = False

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        self.spoken.append(text)
        self.options.append(options)
        await asyncio.sleep(self.first_byte_s)
        if self.fails:
            raise EngineError("scripted failure", code="cut", retryable=True)
        tone = (b"\x00\x20" * 8 + b"\x00\xe0" * 8) * (RATE_HZ // 50 // 16)
        for _ in range(len(text) * MS_PER_CHARACTER // 20):
            yield Pcm(tone, RATE_HZ)

    async def aclose(self) -> None:
        pass


class FlaggingModerator:
    name = "flagging"

    def __init__(self, words: Sequence[str], delay_s: float = 0.02) -> None:
        self.words = words
        self.delay_s = delay_s
        self.checked: list[str] = []

    async def check(self, text: str) -> Verdict:
        self.checked.append(text)
        await asyncio.sleep(self.delay_s)
        flagged = any(word in text.lower() for word in self.words)
        return Verdict(flagged, ("violence",) if flagged else ())

    async def aclose(self) -> None:
        pass


class MemoryRecorder:
    def __init__(self) -> None:
        self.started: list[CallStarted] = []
        self.turns: list[Turn] = []
        self.ended: list[CallEnded] = []

    def call_started(self, record: CallStarted) -> None:
        self.started.append(record)

    def turn(self, record: Turn) -> None:
        self.turns.append(record)

    def call_ended(self, record: CallEnded) -> None:
        self.ended.append(record)


class MemoryTickets:
    def __init__(self) -> None:
        self.tickets: list[NewTicket] = []

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        self.tickets.append(ticket)
        return 1000 + len(self.tickets)
