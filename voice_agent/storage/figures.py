"""Helpdesk calls and tickets as rows for an operator's figures: codes, numbers and times, no words of callers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from voice_agent.analytics.helpdesk import HelpdeskCall, TicketTimes
from voice_agent.storage.database import Database

_CALLS = """
SELECT id AS call_id, key_id, started_at, ended_at,
       facts->>'category' AS category, facts->>'resolution' AS resolution, facts->>'escalation' AS escalation,
       (facts->>'ticket_number')::bigint AS ticket_number,
       (facts->>'csat_asked')::boolean AS csat_asked, (facts->>'csat')::integer AS csat
FROM calls
WHERE facts->>'kind' = 'helpdesk' AND started_at >= $1 AND started_at < $2
ORDER BY started_at, id
"""
_TICKETS = """
SELECT number, priority, created_at, resolved_at,
       pending_s + coalesce(extract(epoch FROM now() - pending_since), 0)::double precision AS pending_s
FROM tickets WHERE created_at >= $1 AND created_at < $2
ORDER BY number
"""


class FigureStore:
    """All methods raise DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def helpdesk_calls(self, since: datetime, until: datetime) -> Sequence[HelpdeskCall]:
        """Those that began in that time. Guests' calls are not stored, so they are not among them."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_CALLS, since, until)
        return [HelpdeskCall(**row) for row in rows]

    async def tickets(self, since: datetime, until: datetime) -> Sequence[TicketTimes]:
        """Those created in that time, guests' too."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(_TICKETS, since, until)
        return [TicketTimes(**row) for row in rows]
