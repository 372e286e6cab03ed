"""Reads a call that goes on after the death of its process, with what that process left in its outbox."""

from __future__ import annotations

from voice_agent.settings import StorageSettings
from voice_agent.storage.calls import CallStore, StoredCall
from voice_agent.storage.errors import DatabaseUnavailable
from voice_agent.storage.writer import Writer


class LostCalls:
    """The next turns are numbered on from the last one that is read here: one that came to the database only later
    would find its number taken, and be dropped."""

    def __init__(self, calls: CallStore, writer: Writer, settings: StorageSettings) -> None:
        self._calls = calls
        self._writer = writer
        self._timeout_s = settings.outbox_catch_up_s

    async def get(self, call_id: str, *, key_id: str) -> StoredCall | None:
        """Raises DatabaseUnavailable, also where what was left is not in the database in time."""
        try:
            await self._writer.catch_up(timeout_s=self._timeout_s)
        except TimeoutError:
            raise DatabaseUnavailable("what waits in the outbox is not stored yet") from None
        return await self._calls.get(call_id, key_id=key_id)
