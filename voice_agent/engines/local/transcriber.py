"""A transcriber whose engine runs in worker processes: one utterance is one job.

Audio pushed while no worker is free waits in memory and is caught up with, up to `worker_audio_max_s` an utterance.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

from voice_agent.engines.hypotheses import UtteranceTask
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
        self.timing = timing
        self._languages = languages
        self._seeded = seeded
        self._verbatim = verbatim
        self.max_bytes = int(settings.worker_audio_max_s * _BYTES_PER_SECOND)
        self._pool = WorkerPool(spec, size=workers, settings=settings)

    async def warm(self) -> None:
        """Starts the workers, so that the first utterance need not wait. Raises EngineError."""
        await self._pool.start()

    def open(self, options: TranscriptionOptions) -> AbstractAsyncContextManager[TranscriptionStream]:
        return _Utterance(self, options)

    def job(self, options: TranscriptionOptions) -> Job:
        """Raises EngineError for a language that the model does not know."""
        language = options.language.partition("-")[0].lower()
        if self._languages is not None and language and language not in self._languages:
            raise EngineError("the local model does not know this language", code="language", retryable=False)
        return self._pool.job(language=language, prompt=options.prompt, hints=list(options.hints))

    def verbatim(self, options: TranscriptionOptions) -> bool:
        """Whether hesitation sounds will be in the transcript."""
        return self._verbatim or (self._seeded and seeds_fillers(options.prompt))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Utterance(UtteranceTask):
    def __init__(self, transcriber: WorkerTranscriber, options: TranscriptionOptions) -> None:
        super().__init__()
        self._transcriber = transcriber
        self._options = options
        self._verbatim = transcriber.verbatim(options)
        self._room = transcriber.max_bytes
        self._audio = bytearray()
        self._committed = False
        self._pushed = asyncio.Event()

    def push(self, pcm: bytes) -> None:
        if self._committed or self._room < 0:
            return
        self._room -= len(pcm)
        if self._room < 0:
            self.hypotheses.fail(EngineError("the utterance is too long", code="too_long", retryable=False))
            return
        self._audio += pcm
        self._pushed.set()

    def commit(self) -> None:
        self._committed = True
        self._pushed.set()

    async def _run(self) -> None:
        async with self._transcriber.job(self._options) as job:
            pump = asyncio.create_task(self._pump(job))
            try:
                finished = await self._listen(job)
            finally:
                await cancel_and_wait(pump)  # where sending fails, receiving fails too and reports it
            if not finished:
                raise EngineError("the worker gave no final transcript", code="malformed", retryable=True)

    async def _pump(self, job: Job) -> None:
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

    async def _listen(self, job: Job) -> bool:
        """Hears the worker until it is done; whether the last transcript was the final one."""
        finished = False
        while (result := await job.receive()) is not None:
            if isinstance(result, bytes):
                raise EngineError("the worker sent audio", code="malformed", retryable=False)
            transcript = _transcript(result)
            finished = transcript.final
            timing = self._transcriber.timing if transcript.words else "segment"
            self.hypotheses.put(replace(transcript, timing=timing, verbatim=self._verbatim))
        return finished


def _transcript(result: dict[str, Any]) -> Transcript:
    try:
        words = tuple(
            Word(str(text), int(start), int(end), None if probability is None else float(probability))
            for text, start, end, probability in result["words"]
        )
        return Transcript(str(result["text"]), bool(result["final"]), words)
    except (KeyError, TypeError, ValueError) as error:
        raise EngineError("the worker sent a malformed result", code="malformed", retryable=False) from error
