"""Brings what lies in the outbox to the database, oldest first, as soon as that is back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable, OutboxUnavailable, StorageError
from voice_agent.storage.outbox import Outbox
from voice_agent.storage.writer_batch import store_batch

logger = logging.getLogger(__name__)

_FIRST_RETRY_S = 0.05


class Drainer:
    """`run` is a task of the writer.

    The order of records is that of the outbox: the writer stores nothing past it while anything lies in it. So that
    the outbox becomes empty even under constant traffic, the last few records are stored while `gate` is held, at
    which the writer waits before it appends.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        settings: StorageSettings,
        *,
        gate: asyncio.Lock,
        on_progress: Callable[[], Awaitable[None]],
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._settings = settings
        self._gate = gate
        self._on_progress = on_progress
        self._filled = asyncio.Event()

    def wake(self) -> None:
        """Something has been appended."""
        self._filled.set()

    async def run(self) -> None:
        retry_s = _FIRST_RETRY_S
        while True:
            try:
                if self._outbox.empty:
                    await self._idle()
                else:
                    await self._drain()
            except (DatabaseUnavailable, OutboxUnavailable, StorageError) as error:
                if isinstance(error, OutboxUnavailable):
                    logger.error("The outbox cannot be read: %s", error.code)
                elif isinstance(error, StorageError):
                    logger.error("Another worker has left an outbox that this one cannot read: see its DATA_KEY")
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, self._settings.writer_retry_max_s)
            else:
                retry_s = _FIRST_RETRY_S

    async def _idle(self) -> None:
        """Until something is appended, or a killed worker's outbox is found."""
        self._filled.clear()
        try:
            async with asyncio.timeout(self._settings.outbox_adopt_s):
                await self._filled.wait()
        except TimeoutError:
            await self._outbox.adopt()

    async def _drain(self) -> None:
        # A segment is sealed to be stored. Asking first keeps an outage from leaving a tiny one at every attempt.
        await self._ask()
        while not self._outbox.empty:
            few = self._outbox.rows <= self._settings.writer_batch_rows
            async with self._gate if few else contextlib.nullcontext():
                parcel = await self._outbox.oldest()
                if parcel is not None:
                    await store_batch(self._database, parcel.records, timeout_s=self._settings.writer_timeout_s)
                    await self._outbox.discard(parcel)
            await self._on_progress()
        logger.info("The outbox is empty")

    async def _ask(self) -> None:
        """Raises DatabaseUnavailable."""
        try:
            async with asyncio.timeout(self._settings.writer_timeout_s), self._database.connection() as connection:
                await connection.execute("SELECT 1")
        except TimeoutError as error:
            raise DatabaseUnavailable("the database does not answer") from error
