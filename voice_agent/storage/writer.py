"""Takes the records of calls at once and stores them in batches, whatever the database does meanwhile.

Records wait in memory while the database is away; nothing is dropped and nothing is stored twice. Past
WRITER_QUEUE_ROWS no *new* call is to be accepted (`accepting`): calls under way go on being recorded, which bounds
the queue, as they end. What a guest says is let go on arrival; only numbers of it remain.

A record that the database refuses for good (it would break a constraint) is set aside alone, counted and logged,
so that it does not hold up the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Self

import asyncpg
from prometheus_client import Counter, Gauge

from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable
from voice_agent.storage.rows import Record, store

logger = logging.getLogger(__name__)

ROWS = Gauge("voice_writer_rows", "Records that wait to be stored.")
REJECTED = Counter("voice_writer_rejected_rows", "Records that the database refused for good.")
LOST = Counter("voice_writer_lost_rows", "Records still waiting when the server had to end.")

_FIRST_RETRY_S = 0.05


class Writer:
    """An async context and a `CallRecorder`. Leaving the context stores what waits, within WRITER_CLOSE_TIMEOUT_S."""

    def __init__(self, database: Database, settings: StorageSettings) -> None:
        self._database = database
        self._settings = settings
        self._queue: deque[Record] = deque()
        self._guests: set[str] = set()
        self._put = 0
        self._stored = 0
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._progress = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="storage-writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):
            await self.flush(timeout_s=self._settings.writer_close_timeout_s)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._queue:
            logger.error("%d records were not stored: the database was away until the end", len(self._queue))
            LOST.inc(len(self._queue))
            ROWS.dec(len(self._queue))
            self._queue.clear()

    @property
    def accepting(self) -> bool:
        """Whether a new call may begin: what it leaves behind can be stored, or kept until it can."""
        return self._task is not None and not self._task.done() and len(self._queue) < self._settings.writer_queue_rows

    @property
    def waiting(self) -> int:
        """Records not yet stored."""
        return len(self._queue)

    def call_started(self, record: CallStarted) -> None:
        if record.key_id is None:
            self._guests.add(record.call_id)
        self._append(record)

    def turn(self, record: Turn) -> None:
        if record.call_id in self._guests:
            record = replace(record, text="", heard="", words=())
        self._append(record)

    def call_ended(self, record: CallEnded) -> None:
        self._guests.discard(record.call_id)
        self._append(record)

    async def flush(self, *, timeout_s: float) -> None:
        """Returns when all that was recorded before is stored. Raises TimeoutError."""
        goal = self._put
        self._hurry.set()
        async with asyncio.timeout(timeout_s), self._progress:
            await self._progress.wait_for(lambda: self._stored >= goal)

    def _append(self, record: Record) -> None:
        self._queue.append(record)
        self._put += 1
        ROWS.inc()
        self._arrived.set()
        if len(self._queue) >= self._settings.writer_batch_rows:
            self._hurry.set()

    async def _run(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            await self._arrived.wait()
            await self._gather()
            batch = list(islice(self._queue, self._settings.writer_batch_rows))
            try:
                await self._write(batch)
            except DatabaseUnavailable:
                logger.warning("The database is away: %d records wait", len(self._queue))
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, self._settings.writer_retry_max_s)
                continue
            retry_s = _FIRST_RETRY_S
            await self._forget(len(batch))

    async def _gather(self) -> None:
        """Lets a batch come together, unless it is full or somebody waits for it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.writer_flush_ms / 1000):
                await self._hurry.wait()

    async def _write(self, batch: Sequence[Record]) -> None:
        """Raises DatabaseUnavailable; then all, or none, of the batch is stored, and it may be stored again."""
        try:
            async with self._database.connection() as connection:
                await store(connection, batch)
        except (asyncpg.PostgresError, asyncpg.DataError, TypeError, ValueError) as error:
            if len(batch) > 1:
                for record in batch:
                    await self._write([record])
                return
            # The record's own words must not reach the log: its kind and the error's class have to do.
            logger.error("The database refused a %s (%s)", type(batch[0]).__name__, type(error).__name__)
            REJECTED.inc()

    async def _forget(self, count: int) -> None:
        for _ in range(count):
            self._queue.popleft()
        ROWS.dec(count)
        self._stored += count
        if not self._queue:
            self._arrived.clear()
        if len(self._queue) < self._settings.writer_batch_rows:
            self._hurry.clear()
        async with self._progress:
            self._progress.notify_all()
