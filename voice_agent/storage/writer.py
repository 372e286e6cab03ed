"""Takes the records of calls at once and stores them in batches, whatever the database does meanwhile.

A record is *acknowledged* when Postgres has committed it, or when the outbox has it, encrypted, on the disk. While the
database is away records go to the outbox, and afterwards through it until it is empty: their order stays, nothing is
dropped and nothing is stored twice. Where neither takes them, they wait in memory and the attempts go on.

No *new* call is to be accepted (`accepting`) when too much waits, in the outbox or in memory, or when the disk of the
outbox fails; calls under way go on being recorded, which bounds both, as they end. Of what a guest says only numbers
remain, and so of a call whose start was not recorded here.

A record that the database refuses for good (it would break a constraint) is set aside alone, counted and logged,
so that it does not hold up the rest.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Self

from prometheus_client import Counter, Gauge

from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable, OutboxUnavailable, StorageError
from voice_agent.storage.outbox import Outbox
from voice_agent.storage.outbox_drain import Drainer
from voice_agent.storage.outbox_records import encode_record
from voice_agent.storage.rows import Record
from voice_agent.storage.writer_batch import reject, store_batch

logger = logging.getLogger(__name__)

ROWS = Gauge("voice_writer_rows", "Records in memory that are neither stored nor in the outbox.")
LOST = Counter("voice_writer_lost_rows", "Such records when the server had to end.")

_FIRST_RETRY_S = 0.05


class Writer:
    """An async context and a `CallRecorder`. Leaving the context stores what waits, within WRITER_CLOSE_TIMEOUT_S;
    the rest waits in the outbox for the next start."""

    def __init__(self, database: Database, settings: StorageSettings, outbox: Outbox | None = None) -> None:
        """`outbox` replaces the one of DATA_DIR."""
        self._database = database
        self._settings = settings
        self._outbox = outbox or Outbox(settings)
        self._queue: deque[Record] = deque()
        self._members: set[str] = set()
        """Calls whose text is kept."""
        self._seqs: dict[str, int] = {}
        self._put = 0
        self._taken = 0
        self._stuck = False
        """Neither the database nor the outbox takes anything."""
        self._arrived = asyncio.Event()
        self._hurry = asyncio.Event()
        self._progress = asyncio.Condition()
        self._gate = asyncio.Lock()
        self._drainer = Drainer(database, self._outbox, settings, gate=self._gate, on_progress=self._notify)
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises StorageError: the outbox cannot be used."""
        await self._stack.enter_async_context(self._outbox)
        self._tasks = (
            asyncio.create_task(self._run(), name="storage-writer"),
            asyncio.create_task(self._drainer.run(), name="storage-drainer"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(TimeoutError):
            await self.flush(timeout_s=self._settings.writer_close_timeout_s)
        tasks, self._tasks = self._tasks, ()
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                logger.error("A task of the writer had ended early (%s)", type(outcome).__name__)
        await self._put_away()
        await self._stack.aclose()

    @property
    def accepting(self) -> bool:
        """Whether a new call may begin: what it leaves behind can be stored, or kept until it can."""
        running = bool(self._tasks) and not any(task.done() for task in self._tasks)
        room = len(self._queue) < self._settings.writer_queue_rows and self._outbox.accepting
        return running and room and not self._stuck

    @property
    def waiting(self) -> int:
        """Records not yet stored, in memory and in the outbox."""
        return len(self._queue) + self._outbox.rows

    def acknowledged(self, call_id: str) -> int:
        """The `seq` of the call's last turn that no crash can take any more; -1 where there is none.

        The turns before it are safe too. Forgotten when the end of the call is acknowledged.
        """
        return self._seqs.get(call_id, -1)

    def call_started(self, record: CallStarted) -> None:
        if record.key_id is not None:
            self._members.add(record.call_id)
        self._append(record)

    def turn(self, record: Turn) -> None:
        if record.call_id not in self._members:
            record = replace(record, text="", heard="", words=())
        self._append(record)

    def call_ended(self, record: CallEnded) -> None:
        if record.call_id not in self._members:
            record = replace(record, facts=None)
        self._members.discard(record.call_id)
        self._append(record)

    async def flush(self, *, timeout_s: float) -> None:
        """Returns when all that was recorded before is in the database. Raises TimeoutError."""
        goal = self._put
        self._hurry.set()
        async with asyncio.timeout(timeout_s), self._progress:
            await self._progress.wait_for(lambda: self._taken >= goal and self._outbox.empty)

    async def catch_up(self, *, timeout_s: float) -> None:
        """As `flush`, and what killed workers have left on this machine is in the database too: the history of a call
        that goes on here is then complete. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            try:
                while await self._outbox.adopt():
                    # Another may have been quicker to take it over.
                    self._drainer.wake()
                    await asyncio.sleep(_FIRST_RETRY_S)
            except (OutboxUnavailable, StorageError) as error:
                logger.error("The outbox of a killed worker cannot be read: %s", type(error).__name__)
            self._drainer.wake()
            await self.flush(timeout_s=timeout_s)

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
                async with self._gate:
                    await self._take(batch)
            except OutboxUnavailable as error:
                self._stuck = True
                logger.error("Records of calls can be put nowhere: %s; %d wait in memory", error.code, len(self._queue))
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, self._settings.writer_retry_max_s)
                continue
            retry_s = _FIRST_RETRY_S
            self._stuck = False
            self._acknowledge(batch)
            await self._notify()

    async def _gather(self) -> None:
        """Lets a batch come together, unless it is full or somebody waits for it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.writer_flush_ms / 1000):
                await self._hurry.wait()

    async def _take(self, batch: Sequence[Record]) -> None:
        """To the database, or behind what waits in the outbox. Raises OutboxUnavailable."""
        if self._outbox.empty:
            try:
                await store_batch(self._database, batch, timeout_s=self._settings.writer_timeout_s)
            except DatabaseUnavailable:
                logger.warning("The database is away: records of calls go to the outbox")
            else:
                return
        await self._spill(batch)
        self._drainer.wake()

    async def _spill(self, batch: Sequence[Record]) -> None:
        encoded = []
        for record in batch:
            try:
                encoded.append(encode_record(record))
            except (TypeError, ValueError) as error:
                reject(record, error)
        if encoded:
            await self._outbox.append(encoded)

    def _acknowledge(self, batch: Sequence[Record]) -> None:
        for record in batch:
            self._queue.popleft()
            match record:
                case Turn():
                    self._seqs[record.call_id] = max(record.seq, self.acknowledged(record.call_id))
                case CallEnded():
                    self._seqs.pop(record.call_id, None)
        ROWS.dec(len(batch))
        self._taken += len(batch)
        if not self._queue:
            self._arrived.clear()
        if len(self._queue) < self._settings.writer_batch_rows:
            self._hurry.clear()

    async def _notify(self) -> None:
        async with self._progress:
            self._progress.notify_all()

    async def _put_away(self) -> None:
        """At the end: what only memory holds goes to the outbox."""
        try:
            while batch := list(islice(self._queue, self._settings.writer_batch_rows)):
                await self._spill(batch)
                self._acknowledge(batch)
        except OutboxUnavailable as error:
            logger.critical("%d records of calls are lost: no database, and no disk: %s", len(self._queue), error.code)
            LOST.inc(len(self._queue))
            ROWS.dec(len(self._queue))
            self._queue.clear()
