"""A synthesizer whose engine runs in worker processes: one clause is one job.

An engine is far faster than speech, so its audio is taken over at once and the worker is free for the next caller,
however slowly this one plays.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from voice_agent.engines.local.worker import WorkerPool, WorkerSpec, cancel_and_wait
from voice_agent.engines.ports import AudioChunk, EngineError, Pcm, SpeechOptions
from voice_agent.settings import EngineSettings

_CHUNK_MS = 60
"""About the shortest piece the engines deliver; only to turn a duration into a number of queued pieces."""
_MIN_SPEED, _MAX_SPEED = 0.25, 4.0
"""What no engine can divide by zero with; each narrows it to what it can speak."""


class WorkerSynthesizer:
    """`spec`'s engine gets text, voice, speed and language, and answers with {"rate_hz": …}, then audio."""

    def __init__(self, name: str, spec: WorkerSpec, *, default_voice: str, settings: EngineSettings) -> None:
        self.name = name
        self._default_voice = default_voice
        self._max_chunks = max(1, int(settings.worker_audio_max_s * 1000 / _CHUNK_MS))
        self._pool = WorkerPool(spec, size=settings.synthesizer_workers, settings=settings)

    async def warm(self) -> None:
        """Starts the workers, so that the first clause need not wait. Raises EngineError."""
        await self._pool.start()

    async def speak(self, text: str, options: SpeechOptions) -> AsyncGenerator[AudioChunk, None]:
        chunks: asyncio.Queue[AudioChunk | EngineError | None] = asyncio.Queue(self._max_chunks)
        task = asyncio.create_task(self._collect(text, options, chunks))
        try:
            while (chunk := await chunks.get()) is not None:
                if isinstance(chunk, EngineError):
                    raise chunk
                yield chunk
        finally:
            await cancel_and_wait(task)

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _collect(
        self, text: str, options: SpeechOptions, chunks: asyncio.Queue[AudioChunk | EngineError | None]
    ) -> None:
        try:
            rate_hz = 0
            job = self._pool.job(
                text=text,
                voice=options.voice,
                default_voice=self._default_voice,
                speed=min(max(options.speed, _MIN_SPEED), _MAX_SPEED),
                language=options.language,
            )
            async with job:
                while (result := await job.receive()) is not None:
                    if isinstance(result, bytes):
                        await chunks.put(Pcm(result, rate_hz))
                    else:
                        rate_hz = int(str(result["rate_hz"]))
        except EngineError as error:
            await chunks.put(error)
        else:
            await chunks.put(None)
