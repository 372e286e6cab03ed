"""Helpdesk tickets. A guest's ticket is stored too: it holds only what the caller asked to have filed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

import asyncpg

from voice_agent.records import NewTicket
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable
from voice_agent.storage.rows import clean_text

_INSERT = """
INSERT INTO tickets (call_id, summary, description, category, priority, contact, article_id, steps_tried)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING number
"""
_COLUMNS = """number, call_id, status, created_at, pending_since, pending_s, resolved_at, closed_at,
       summary, description, category, priority, contact, article_id, steps_tried"""
_SELECT = f"SELECT {_COLUMNS} FROM tickets WHERE number = $1"  # noqa: S608 - made of constants only
# On the right, columns have their old values.
_SET_STATUS = f"""
UPDATE tickets
SET status = $2,
    pending_s = pending_s + coalesce(extract(epoch FROM now() - pending_since), 0),
    pending_since = CASE WHEN $2 = 'pending' THEN now() END,
    resolved_at = CASE WHEN $2 IN ('solved', 'closed') THEN coalesce(resolved_at, now()) END,
    closed_at = CASE WHEN $2 = 'closed' THEN coalesce(closed_at, now()) END
WHERE number = $1
RETURNING {_COLUMNS}
"""  # noqa: S608 - made of constants only

TicketStatus = Literal["open", "pending", "solved", "closed"]
TICKET_STATUSES: tuple[TicketStatus, ...] = ("open", "pending", "solved", "closed")


@dataclass(frozen=True, slots=True)
class StoredTicket:
    number: int
    call_id: str | None
    """None once its call was deleted."""
    status: TicketStatus
    created_at: datetime
    pending_since: datetime | None
    """While it waits for the caller."""
    pending_s: float
    """Seconds of earlier waits."""
    resolved_at: datetime | None
    """When it was solved, or closed unsolved; None again once it is reopened."""
    closed_at: datetime | None
    ticket: NewTicket


class PostgresTicketStore:
    """Implements `records.TicketStore`. All methods raise DatabaseUnavailable (a ConnectionError)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create_ticket(self, call_id: str, ticket: NewTicket) -> int:
        """Stores it and returns its number (1001, 1002, …). Raises ValueError where the priority is not P1 to P4."""
        if ticket.priority not in {"P1", "P2", "P3", "P4"}:
            raise ValueError("A priority is P1, P2, P3 or P4.")
        async with self._database.connection() as connection:
            number = await connection.fetchval(
                _INSERT,
                call_id,
                clean_text(ticket.summary),
                clean_text(ticket.description),
                clean_text(ticket.category),
                ticket.priority,
                clean_text(ticket.contact),
                clean_text(ticket.article_id),
                [clean_text(step) for step in ticket.steps_tried],
            )
        if not isinstance(number, int):
            raise DatabaseUnavailable("the database gave no number")
        return number

    async def get(self, number: int) -> StoredTicket | None:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_SELECT, number)
        return _stored(row) if row is not None else None

    async def set_status(self, number: int, status: TicketStatus) -> StoredTicket | None:
        """The ticket as it is then, with the times that follow from it; None if there is none of this number."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_SET_STATUS, number, status)
        return _stored(row) if row is not None else None


def _stored(row: asyncpg.Record) -> StoredTicket:
    ticket = {field.name: row[field.name] for field in fields(NewTicket)}
    own = {field.name: row[field.name] for field in fields(StoredTicket) if field.name != "ticket"}
    return StoredTicket(**own, ticket=NewTicket(**ticket | {"steps_tried": tuple(ticket["steps_tried"])}))
