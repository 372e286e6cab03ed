"""A transcriber whose engine runs in worker processes: one utterance is one job.

Audio pushed while no worker is free waits in memory and is caught up with, up to `worker_audio_max_s` an utterance.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from voice_agent.engines.local.worker import Job, WorkerPool, WorkerSpec, cancel_and_wait
from voice_agent.engines.ports import (
    TRANSCRIPTION_RATE_HZ,
    EngineError,
    Timing,
    Transcript,
    TranscriptionOptions,
    TranscriptionStream,
    Word,
)
from voice_agent.engines.verbatim import seeds_fillers
from voice_agent.settings import EngineSettings

_BYTES_PER_SECOND = 2 * TRANSCRIPTION_RATE_HZ
_SLICE_BYTES = _BYTES_PER_SECOND // 2


class WorkerTranscriber:
    """`languages` are the primary subtags that the model knows; None leaves the choice to the operator's model.

    `timing` is the quality of the model's word times. `seeded`: a prompt with hesitation sounds makes it write them;
    `verbatim`: it writes them anyway.
    """

    def __init__(
        self,
        name: str,
        spec: WorkerSpec,
        *,
        partials: bool,
        workers: int,
        settings: EngineSettings,
        languages: frozenset[str] | None = None,
        timing: Timing = "word",
        seeded: bool = False,
        verbatim: bool = False,
    ) -> None:
        self.name = name
        self.partials = partials
        self._languages = languages
        self._timing = timing
        self._seeded = seeded
        self._verbatim = verbatim
        self._max_bytes = int(settings.worker_audio_max_s * _BYTES_PER_SECOND)
        self._pool = WorkerPool(spec, size=workers, settings=settings)

    async def warm(self) -> None:
        """Starts the workers, so that the first utterance need not wait. Raises EngineError."""
        await self._pool.start()

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        return self._open(options)

    @asynccontextmanager
    async def _open(self, options: TranscriptionOptions) -> AsyncGenerator[TranscriptionStream, None]:
        verbatim = self._verbatim or (self._seeded and seeds_fillers(options.prompt))
        stream = _Utterance(self._max_bytes, self._timing, verbatim)
        task = asyncio.create_task(self._run(stream, options))
        try:
            yield stream
        finally:
            await cancel_and_wait(task)

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _run(self, stream: _Utterance, options: TranscriptionOptions) -> None:
        try:
            language = options.language.partition("-")[0].lower()
            if self._languages is not None and language and language not in self._languages:
                raise EngineError("the local model does not know this language", code="language", retryable=False)
            job = self._pool.job(language=language, prompt=options.prompt, hints=list(options.hints))
            async with job:
                await _converse(job, stream)
        except EngineError as error:
            stream.fail(error)


async def _converse(job: Job, stream: _Utterance) -> None:
    pump = asyncio.create_task(stream.pump(job))
    try:
        while (result := await job.receive()) is not None:
            if isinstance(result, bytes):
                raise EngineError("the worker sent audio", code="malformed", retryable=False)
            stream.hear(_transcript(result))
    finally:
        await cancel_and_wait(pump)  # where sending fails, receiving fails too and reports it
    if not stream.finished:
        raise EngineError("the worker gave no final transcript", code="malformed", retryable=True)


def _transcript(result: dict[str, Any]) -> Transcript:
    try:
        words = tuple(
            Word(str(text), int(start), int(end), None if probability is None else float(probability))
            for text, start, end, probability in result["words"]
        )
        return Transcript(str(result["text"]), bool(result["final"]), words)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("the worker sent a malformed result", code="malformed", retryable=False) from error


class _Utterance:
    """The stream of one utterance. Keeps only the newest hypothesis: a slow reader misses old ones, never the final."""

    def __init__(self, max_bytes: int, timing: Timing, verbatim: bool) -> None:
        self._room = max_bytes
        self._timing = timing
        self._verbatim = verbatim
        self._audio = bytearray()
        self._committed = False
        self._pushed = asyncio.Event()
        self._newest: Transcript | None = None
        self._error: EngineError | None = None
        self._heard = asyncio.Event()
        self.finished = False

    def push(self, pcm: bytes) -> None:
        if self._committed or self._error is not None:
            return
        self._room -= len(pcm)
        if self._room < 0:
            self.fail(EngineError("the utterance is too long", code="too_long", retryable=False))
            return
        self._audio += pcm
        self._pushed.set()

    def commit(self) -> None:
        self._committed = True
        self._pushed.set()

    def __aiter__(self) -> AsyncIterator[Transcript]:
        return self._transcripts()

    async def _transcripts(self) -> AsyncGenerator[Transcript, None]:
        while True:
            await self._heard.wait()
            self._heard.clear()
            if self._error is not None:
                self._heard.set()
                raise self._error
            newest, self._newest = self._newest, None
            if newest is not None:
                yield newest
                if newest.final:
                    return

    async def pump(self, job: Job) -> None:
        """Sends what is pushed until the commit. Raises EngineError if the worker is gone."""
        while True:
            await self._pushed.wait()
            self._pushed.clear()
            while len(self._audio) > 1:
                whole = min(len(self._audio), _SLICE_BYTES) & ~1
                piece = bytes(self._audio[:whole])
                del self._audio[:whole]
                await job.send(piece)
            if self._committed:
                await job.end()
                return

    def hear(self, transcript: Transcript) -> None:
        timing = self._timing if transcript.words else "segment"
        self._newest = replace(transcript, timing=timing, verbatim=self._verbatim)
        self.finished = transcript.final
        self._heard.set()

    def fail(self, error: EngineError) -> None:
        self._error = error
        self._heard.set()
