"""Reading back and deleting calls. Whose call it is, is part of every query: another's looks like none at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg

from voice_agent.records import Turn, TurnMetrics
from voice_agent.storage.database import Database
from voice_agent.storage.job_queue import order_reports
from voice_agent.storage.rows import words_of_json

if TYPE_CHECKING:
    from voice_agent.storage.database import Connection

_SUMMARY = """
SELECT id AS call_id, agent, transport, started_at, ended_at, end_reason, language, saved_at,
       (SELECT count(*) FROM turns WHERE turns.call_id = calls.id) AS turn_count
FROM calls WHERE key_id = $1
"""
_ONE = f"{_SUMMARY} AND id = $2"
_PAGE = f"""{_SUMMARY}
AND ($2::text IS NULL
     OR (started_at, id) < (SELECT started_at, id FROM calls WHERE id = $2 AND key_id = $1))
ORDER BY started_at DESC, id DESC
LIMIT $3
"""  # noqa: S608 - made of constants only
_TURNS = """
SELECT * FROM turns LEFT JOIN turn_metrics USING (call_id, seq) WHERE call_id = $1 ORDER BY seq
"""
# The partner of the lock that storing a call takes: what was stored before is found, what comes later finds the note.
_AGAINST_STORING = "LOCK TABLE deleted_calls IN EXCLUSIVE MODE"
_SAVE = "UPDATE calls SET saved_at = coalesce(saved_at, now()) WHERE id = $1 AND key_id = $2 RETURNING id"
_DELETE_UNDECIDED = """
DELETE FROM calls
WHERE id IN (
    SELECT id FROM calls
    WHERE key_id IS NOT NULL AND saved_at IS NULL AND started_at < $1 AND ended_at < $1
    ORDER BY started_at
    LIMIT $2
)
RETURNING id
"""
_END_LOST = """
UPDATE calls
SET end_reason = 'lost',
    ended_at = started_at + (
        SELECT coalesce(max(end_ms), 0) FROM turns WHERE turns.call_id = calls.id
    ) * interval '1 millisecond'
WHERE ended_at IS NULL AND started_at < $1
RETURNING id, ended_at, key_id
"""
_METRICS = tuple(field.name for field in fields(TurnMetrics))


@dataclass(frozen=True, slots=True)
class CallSummary:
    call_id: str
    agent: str
    transport: str
    started_at: datetime
    ended_at: datetime | None
    """None while it lasts, and for good if the server was killed in the middle of it."""
    end_reason: str | None
    language: str
    saved_at: datetime | None
    """None: nobody has decided to keep it, so it goes after STORAGE_UNDECIDED_HOURS."""
    turn_count: int


@dataclass(frozen=True, slots=True)
class StoredCall:
    summary: CallSummary
    turns: tuple[Turn, ...]


class CallStore:
    """All methods raise DatabaseUnavailable. Guests' calls belong to nobody and cannot be read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, call_id: str, *, key_id: str) -> StoredCall | None:
        """The call with its turns; None if it does not exist or is not this key's."""
        async with self._database.connection() as connection:
            return await stored_call(connection, call_id, key_id)

    async def list(self, *, key_id: str, limit: int, before: str | None = None) -> Sequence[CallSummary]:
        """The newest calls first, at most `limit`; `before` is the id of the last one of the page before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PAGE, key_id, before, limit)
        return [CallSummary(**row) for row in rows]

    async def save(self, call_id: str, *, key_id: str) -> bool:
        """Keeps the call; whether there was one. Saving twice keeps the first time."""
        async with self._database.connection() as connection:
            saved = await connection.fetchval(_SAVE, call_id, key_id)
        return saved is not None

    async def delete(self, call_id: str, *, key_id: str, known: bool = False) -> bool:
        """Deletes the call with its turns, numbers, facts and report; whether there was one. Its tickets stay, without
        the link. What of it still waits in an outbox, or is still said, is not stored any more.

        `known`: the caller is sure that there is such a call of this key, though its start may not be stored yet.
        """
        async with self._database.transaction() as connection:
            await connection.execute(_AGAINST_STORING)
            deleted = await connection.fetch(
                "DELETE FROM calls WHERE id = $1 AND key_id = $2 RETURNING id", call_id, key_id
            )
            if deleted or known:
                await _bury(connection, [call_id])
        return bool(deleted)

    async def delete_undecided(self, before: datetime, *, limit: int) -> int:
        """Deletes at most `limit` calls that ended before this time and that nobody saved. How many there were."""
        async with self._database.transaction() as connection:
            await connection.execute(_AGAINST_STORING)
            deleted = await connection.fetch(_DELETE_UNDECIDED, before, limit)
            await _bury(connection, [row["id"] for row in deleted])
        return len(deleted)

    async def end_lost(self, started_before: datetime) -> int:
        """Ends the calls of processes that died: those still without an end that began before this time. Orders the
        report of each. How many there were."""
        async with self._database.transaction() as connection:
            ended = await connection.fetch(_END_LOST, started_before)
            await order_reports(connection, [(row["id"], row["ended_at"]) for row in ended if row["key_id"]])
        return len(ended)

    async def forget_deleted(self, before: datetime) -> None:
        """Drops the notes of calls that were deleted before this time."""
        async with self._database.connection() as connection:
            await connection.execute("DELETE FROM deleted_calls WHERE deleted_at < $1", before)


async def stored_call(connection: Connection, call_id: str, key_id: str) -> StoredCall | None:
    row = await connection.fetchrow(_ONE, key_id, call_id)
    if row is None:
        return None
    turns = await connection.fetch(_TURNS, call_id)
    return StoredCall(CallSummary(**row), tuple(_turn(turn) for turn in turns))


async def _bury(connection: Connection, call_ids: Sequence[str]) -> None:
    await connection.execute(
        "INSERT INTO deleted_calls (id) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING", call_ids
    )
    await connection.execute("UPDATE tickets SET call_id = NULL WHERE call_id = ANY($1::text[])", call_ids)


def _turn(row: asyncpg.Record) -> Turn:
    measured = row["engine"] is not None
    return Turn(
        call_id=row["call_id"],
        seq=row["seq"],
        role=row["role"],
        channel=row["channel"],
        text=row["text"],
        heard=row["heard"],
        start_ms=row["start_ms"],
        end_ms=row["end_ms"],
        interrupted=row["interrupted"],
        partial=row["partial"],
        words=words_of_json(row["words"]),
        timing=row["timing"],
        verbatim=row["verbatim"],
        metrics=TurnMetrics(**{name: row[name] for name in _METRICS}) if measured else TurnMetrics(),
    )
