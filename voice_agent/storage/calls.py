"""Reading back and deleting calls. Whose call it is, is part of every query: another's looks like none at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

import asyncpg

from voice_agent.records import Turn, TurnMetrics
from voice_agent.storage.database import Database
from voice_agent.storage.rows import words_of_json

_SUMMARY = """
SELECT id AS call_id, agent, transport, started_at, ended_at, end_reason,
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
            row = await connection.fetchrow(_ONE, key_id, call_id)
            if row is None:
                return None
            turns = await connection.fetch(_TURNS, call_id)
        return StoredCall(CallSummary(**row), tuple(_turn(turn) for turn in turns))

    async def list(self, *, key_id: str, limit: int, before: str | None = None) -> Sequence[CallSummary]:
        """The newest calls first, at most `limit`; `before` is the id of the last one of the page before."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_PAGE, key_id, before, limit)
        return [CallSummary(**row) for row in rows]

    async def delete(self, call_id: str, *, key_id: str) -> bool:
        """Deletes the call with its turns and numbers; whether there was one. Its tickets stay, without the link.

        What such a call still says, if it goes on, is not stored.
        """
        async with self._database.transaction() as connection:
            deleted = await connection.fetchval(
                "DELETE FROM calls WHERE id = $1 AND key_id = $2 RETURNING id", call_id, key_id
            )
            if deleted is not None:
                await connection.execute("UPDATE tickets SET call_id = NULL WHERE call_id = $1", call_id)
        return deleted is not None


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
        metrics=TurnMetrics(**{name: row[name] for name in _METRICS}) if measured else TurnMetrics(),
    )
