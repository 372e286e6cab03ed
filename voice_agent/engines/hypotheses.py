"""Hands the newest hypothesis of an utterance from whoever makes it to the one who reads it.

Each hypothesis replaces the one before, so a slow reader misses only what is out of date and nothing piles up.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Self

from voice_agent.engines.ports import EngineError, Transcript

logger = logging.getLogger(__name__)


class LatestTranscript:
    """One producer (`put`, `fail`: synchronous), one consumer (`read`)."""

    def __init__(self) -> None:
        self._latest: Transcript | None = None
        self._error: EngineError | None = None
        self._changed = asyncio.Event()

    def put(self, transcript: Transcript) -> None:
        """Replaces what was not yet read. A final one is kept: nothing replaces it."""
        if self._latest is None or not self._latest.final:
            self._latest = transcript
            self._changed.set()

    def fail(self, error: EngineError) -> None:
        """Ends the reading with `error`, after what was put before."""
        self._error = error
        self._changed.set()

    async def read(self) -> AsyncGenerator[Transcript, None]:
        """Yields hypotheses up to the final one. Raises the EngineError given to `fail`."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            transcript, self._latest = self._latest, None
            if transcript is not None:
                yield transcript
                if transcript.final:
                    return
            if self._error is not None:
                try:
                    raise self._error
                finally:
                    # Its frames hold this object: a ring, with the utterance's audio in it.
                    self._error = None


class UtteranceTask(ABC):
    """A transcription stream whose work is one task, owned by the context: entering starts it, leaving cancels it.

    A subclass gives `push`, `commit` and `_run`, which puts hypotheses into `self.hypotheses`.
    """

    def __init__(self) -> None:
        self.hypotheses = LatestTranscript()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def _run(self) -> None:
        """Does the work. May raise EngineError, which the reader gets."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._work(), name=type(self).__name__)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not kept: a task remembers the error that ended it, with frames that hold this object. Such a ring, and the
        # utterance's audio in it, would wait for the garbage collector.
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))

    def __aiter__(self) -> AsyncGenerator[Transcript, None]:
        return self.hypotheses.read()

    async def _work(self) -> None:
        try:
            await self._run()
        except EngineError as error:
            self.hypotheses.fail(error)
        except Exception as exc:
            # A defect must not leave the reader waiting for ever; the message could hold a caller's words.
            logger.error("transcription ended by a defect: %s", type(exc).__name__)
            self.hypotheses.fail(EngineError("defect in an engine", code="defect", retryable=False))
