"""Helpdesk tickets. A guest's ticket is stored too: it holds only what the caller asked to have filed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from voice_agent.records import NewTicket
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable
from voice_agent.storage.rows import clean_text

_INSERT = """
INSERT INTO tickets (call_id, summary, description, category, priority, contact, article_id, steps_tried)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING number
"""
_SELECT = """
SELECT number, call_id, status, created_at,
       summary, description, category, priority, contact, article_id, steps_tried
FROM tickets WHERE number = $1
"""


@dataclass(frozen=True, slots=True)
class StoredTicket:
    number: int
    call_id: str | None
    """None once its call was deleted."""
    status: str
    """open | pending | solved | closed"""
    created_at: datetime
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
        if row is None:
            return None
        fields = dict(row)
        fields["steps_tried"] = tuple(fields["steps_tried"])
        own = {name: fields.pop(name) for name in ("number", "call_id", "status", "created_at")}
        return StoredTicket(**own, ticket=NewTicket(**fields))
