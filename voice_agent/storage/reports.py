"""Facts and reports of stored calls, and the rows that figures over many calls are made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from voice_agent.analytics.trends import SavedMeasures
from voice_agent.facts import CallFacts
from voice_agent.storage.calls import StoredCall, stored_call
from voice_agent.storage.database import Database

_FACTS: TypeAdapter[CallFacts] = TypeAdapter(CallFacts)

_CALL = "SELECT key_id, facts FROM calls WHERE id = $1 AND key_id IS NOT NULL AND ended_at IS NOT NULL"
# A call that was deleted meanwhile gets no report, and an older end of it never replaces a newer one.
_STORE = """
INSERT INTO reports (call_id, ended_at, body, measures)
SELECT id, $2, $3::jsonb, $4::jsonb FROM calls WHERE id = $1
ON CONFLICT (call_id) DO UPDATE
SET ended_at = excluded.ended_at, made_at = now(), body = excluded.body, measures = excluded.measures
WHERE reports.ended_at <= excluded.ended_at
"""
_GIVE_UP = """
INSERT INTO reports (call_id, ended_at)
SELECT id, ended_at FROM calls WHERE id = $1 AND ended_at IS NOT NULL
ON CONFLICT (call_id) DO UPDATE SET ended_at = excluded.ended_at, made_at = now(), body = NULL, measures = '[]'
WHERE reports.ended_at < excluded.ended_at
"""
_REPORT = """
SELECT calls.ended_at, reports.call_id IS NOT NULL AS made, reports.body
FROM calls LEFT JOIN reports ON reports.call_id = calls.id AND reports.ended_at = calls.ended_at
WHERE calls.id = $1 AND calls.key_id = $2
"""
_HAS_REPORT = """
SELECT EXISTS (SELECT FROM reports JOIN calls ON calls.id = reports.call_id
               WHERE call_id = $1 AND reports.ended_at = calls.ended_at AND body IS NOT NULL)
"""
_SAVED = """
SELECT id, agent, started_at, language, measures FROM (
    SELECT calls.id, calls.agent, calls.started_at, calls.language, reports.measures
    FROM calls JOIN reports ON reports.call_id = calls.id AND reports.body IS NOT NULL
    WHERE calls.key_id = $1 AND calls.saved_at IS NOT NULL AND ($2::text IS NULL OR calls.agent = $2)
    ORDER BY calls.started_at DESC, calls.id DESC
    LIMIT $3
) AS newest
ORDER BY started_at, id
"""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A stored call that has ended, with what its agent knows about it."""

    call: StoredCall
    facts: CallFacts | None
    """None where its process died, or the agent keeps none."""


@dataclass(frozen=True, slots=True)
class ReportState:
    """`body` is the report's JSON. None with `made`: it could not be made; without: it is still to come."""

    ended: bool
    made: bool
    body: str | None


class ReportStore:
    """All methods raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def finished(self, call_id: str) -> FinishedCall | None:
        """What a report is made of; None where there is no such call (any more), or it has not ended."""
        async with self._database.transaction() as connection:
            row = await connection.fetchrow(_CALL, call_id)
            call = await stored_call(connection, call_id, row["key_id"]) if row is not None else None
        if row is None or call is None:
            return None
        return FinishedCall(call, None if row["facts"] is None else _FACTS.validate_json(row["facts"]))

    async def has_report(self, call_id: str) -> bool:
        """Whether the report of the call's last end is stored."""
        async with self._database.connection() as connection:
            return bool(await connection.fetchval(_HAS_REPORT, call_id))

    async def store(self, call_id: str, ended_at: datetime, body: str, measures: str) -> None:
        """`body`, `measures`: JSON. Storing it twice is harmless."""
        async with self._database.connection() as connection:
            await connection.execute(_STORE, call_id, ended_at, body, measures)

    async def give_up(self, call_id: str) -> None:
        """The report of the call's last end cannot be made."""
        async with self._database.connection() as connection:
            await connection.execute(_GIVE_UP, call_id)

    async def get(self, call_id: str, *, key_id: str) -> ReportState | None:
        """None where there is no such call of this key."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_REPORT, call_id, key_id)
        if row is None:
            return None
        return ReportState(row["ended_at"] is not None, row["made"], row["body"])

    async def saved_measures(self, *, key_id: str, agent: str | None, limit: int) -> Sequence[SavedMeasures]:
        """Of the key's newest saved calls, the oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_SAVED, key_id, agent, limit)
        return [
            SavedMeasures(row["id"], row["agent"], row["started_at"], row["language"], json.loads(row["measures"]))
            for row in rows
        ]
