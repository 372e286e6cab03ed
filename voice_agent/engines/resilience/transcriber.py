"""A transcriber that hears an utterance to its end even if the engine is lost in the middle of it.

The utterance is held in memory until it is over, and played from its beginning to the engine that takes over: half an
utterance would give a transcript that looks whole and is not. The reader sees only hypotheses, each for the whole.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

from voice_agent.engines.hypotheses import UtteranceTask
from voice_agent.engines.ports import (
    TRANSCRIPTION_RATE_HZ,
    EngineError,
    Transcriber,
    TranscriptionOptions,
    TranscriptionStream,
)
from voice_agent.engines.resilience.attempts import Attempts, Member, Policy
from voice_agent.engines.resilience.requests import Clock, Request, attempted, timeout_error
from voice_agent.settings import EngineSettings

_BYTES_PER_SAMPLE = 2


class ResilientTranscriber:
    def __init__(
        self,
        members: Sequence[Member[Transcriber]],
        settings: EngineSettings,
        *,
        clock: Clock = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = members[0].engine.name
        self.partials = members[0].engine.partials
        self.members = members
        self.policy = Policy.of(settings)
        self.final_timeout_s = settings.transcriber_timeout_s
        self.replay_bytes = int(settings.transcriber_replay_s * TRANSCRIPTION_RATE_HZ) * _BYTES_PER_SAMPLE
        self.clock = clock
        self.jitter = jitter

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        return _Utterance(self, options)

    async def aclose(self) -> None:
        """Nothing of its own."""


class _Utterance(UtteranceTask):
    def __init__(self, transcriber: ResilientTranscriber, options: TranscriptionOptions) -> None:
        super().__init__()
        self._transcriber = transcriber
        self._options = options
        self._audio = bytearray()
        self._replayable = True
        self._committed_at: float | None = None
        self._stream: TranscriptionStream | None = None
        self._deadline: asyncio.Timeout | None = None
        self._request: Request | None = None

    def push(self, pcm: bytes) -> None:
        # Between two attempts nobody else holds the audio; that moment is bounded by the retry budget.
        if self._replayable and len(self._audio) + len(pcm) > self._transcriber.replay_bytes and self._stream:
            self._replayable = False
            self._audio.clear()
        if self._replayable:
            self._audio += pcm
        if self._stream is not None:
            self._stream.push(pcm)

    def commit(self) -> None:
        if self._committed_at is not None:
            return
        self._committed_at = self._transcriber.clock()
        if self._stream is not None:
            self._stream.commit()
        if self._request is not None:
            self._request.started_at = self._committed_at
        if self._deadline is not None:
            self._deadline.reschedule(asyncio.get_running_loop().time() + self._transcriber.final_timeout_s)

    async def _run(self) -> None:
        owner = self._transcriber
        attempts = Attempts(owner.members, owner.policy, owner.jitter)
        step = attempts.begin(owner.clock())
        while True:
            try:
                async with attempted(step, "transcription", owner.clock, owner.policy) as self._request:
                    await self._attempt(step.member.engine)
                return
            except EngineError as error:
                if not self._replayable:
                    raise
                now = owner.clock()
                # Nobody waits for a transcript while the caller still speaks.
                since = now if self._committed_at is None else self._committed_at
                following = attempts.after(error, now, delivered=False, waiting_since=since)
                if following is None:
                    raise
                step = following

    async def _attempt(self, engine: Transcriber) -> None:
        committed = self._committed_at is not None
        try:
            async with (
                asyncio.timeout(self._transcriber.final_timeout_s if committed else None) as self._deadline,
                engine.open(self._options) as stream,
            ):
                if self._audio:
                    stream.push(bytes(self._audio))
                self._stream = stream
                if self._committed_at is not None:
                    stream.commit()
                async for transcript in stream:
                    self.hypotheses.put(transcript)
                    if transcript.final:
                        return
                raise EngineError("no final transcript", code="cut", retryable=True)
        except TimeoutError:
            raise timeout_error() from None
        finally:
            self._stream = None
            self._deadline = None
