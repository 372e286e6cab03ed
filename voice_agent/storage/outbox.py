"""Text that cannot be stored just now, encrypted, on this machine's disk until the database takes it.

This is the asynchronous side: every step runs in one thread of its own, under a deadline. Nothing is dropped here.
Past OUTBOX_MAX_BYTES or OUTBOX_MAX_AGE_S (of this process' segments and those it has taken over) `accepting` says that
no new call should begin; what running calls add is still taken.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from prometheus_client import Counter, Gauge

from voice_agent.settings import StorageSettings
from voice_agent.storage.errors import OutboxUnavailable, StorageError
from voice_agent.storage.outbox_folder import OutboxFolders
from voice_agent.storage.outbox_segment import Segment
from voice_agent.storage.outbox_thread import DiskThread
from voice_agent.storage.rows import Record

logger = logging.getLogger(__name__)

ROWS = Gauge("voice_outbox_rows", "Records in the outbox.")
BYTES = Gauge("voice_outbox_bytes", "Size of the outbox.")
AGE = Gauge("voice_outbox_oldest_seconds", "Age of the oldest file of the outbox; 0 where it is empty.")
FAILURES = Counter("voice_outbox_failures", "Accesses to the outbox that failed: disk full, broken or hanging.")
DAMAGED = Counter("voice_outbox_damaged_frames", "Batches in the outbox that could not be read.")

_BACKLOG = 4
"""The writer and the drainer have one job each in the thread, and after a timeout perhaps an older one."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Parcel:
    """One segment, to be stored and then discarded."""

    segment: Segment
    records: Sequence[Record]
    damaged: int


class Outbox:
    """An async context."""

    def __init__(self, settings: StorageSettings, folders: OutboxFolders | None = None) -> None:
        """`folders` replaces those of DATA_DIR."""
        self._settings = settings
        self._folders = folders or OutboxFolders(settings)
        self._thread: DiskThread | None = None

    async def __aenter__(self) -> Self:
        """Raises StorageError: DATA_DIR cannot be used, or what lies there was written with another key."""
        self._thread = DiskThread(backlog=_BACKLOG)
        try:
            await self._run(self._folders.open, timeout_s=self._settings.database_start_timeout_s)
        except OutboxUnavailable as error:
            self._thread.stop()
            raise StorageError(f"The outbox below DATA_DIR cannot be used ({error.code}).") from error
        except BaseException:
            self._thread.stop()
            raise
        AGE.set_function(lambda: self.age_s)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        thread, rows = self._thread, self.rows
        try:
            await self._run(self._folders.close)
        except OutboxUnavailable:
            logger.error("The outbox could not be closed")
        if rows:
            logger.warning("%d records wait in the outbox for the next start", rows)
        self._thread = None
        if thread is not None:
            thread.stop()
        AGE.set_function(lambda: 0.0)

    @property
    def rows(self) -> int:
        return self._folders.rows

    @property
    def empty(self) -> bool:
        return self._folders.born is None

    @property
    def age_s(self) -> float:
        """Of the oldest segment."""
        born = self._folders.born
        return 0.0 if born is None else time.monotonic() - born

    @property
    def accepting(self) -> bool:
        """Whether there is room for what a new call would add."""
        settings = self._settings
        return self._folders.bytes < settings.outbox_max_bytes and self.age_s < settings.outbox_max_age_s

    async def append(self, encoded: Sequence[bytes]) -> None:
        """Encoded records; durable when it returns. Raises OutboxUnavailable; then they may have to be appended again,
        and may be stored twice, which is harmless."""
        await self._run(lambda: self._folders.append(encoded))

    async def oldest(self) -> Parcel | None:
        """What is to be stored next. Raises OutboxUnavailable."""
        found = await self._run(self._folders.oldest)
        return None if found is None else Parcel(*found)

    async def discard(self, parcel: Parcel) -> None:
        """It is stored. What of it could not be read is kept, out of the way. Raises OutboxUnavailable."""
        await self._run(lambda: self._folders.remove(parcel.segment, keep=parcel.damaged > 0))
        if parcel.damaged:
            logger.error("%d batches in the outbox were damaged: their file was renamed to *.damaged", parcel.damaged)
            DAMAGED.inc(parcel.damaged)

    async def adopt(self) -> bool:
        """Takes over what processes that were killed have left; whether other processes still have records, of their
        own or taken over. Raises OutboxUnavailable and StorageError."""
        return await self._run(self._folders.adopt)

    async def _run(self, job: Callable[[], Result], *, timeout_s: float | None = None) -> Result:
        if self._thread is None:
            raise OutboxUnavailable("closed")
        try:
            return await self._thread.run(job, timeout_s=timeout_s or self._settings.outbox_timeout_s)
        except OutboxUnavailable:
            FAILURES.inc()
            raise
        except OSError as error:
            FAILURES.inc()
            raise OutboxUnavailable(errno.errorcode.get(error.errno or 0, "oserror").lower()) from error
        finally:
            ROWS.set(self._folders.rows)
            BYTES.set(self._folders.bytes)
