"""Brings the schema up to date: numbered SQL files, each applied once, in order, in a transaction of its own.

Processes that start at the same time queue for an advisory lock. Files are never edited once released: their
checksums are stored with the schema. There is no way down: restore a backup.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from voice_agent.storage.errors import StorageError

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

_FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_LOCK = 0x766F696365  # "voice": any number that nobody else uses in this database

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def load_migrations() -> list[Migration]:
    """The program's own, in order. Raises StorageError where the files are not numbered 1, 2, 3, …"""
    found = []
    for entry in resources.files(__package__).joinpath("migrations").iterdir():
        match = _FILE_NAME.fullmatch(entry.name)
        if match is not None:
            found.append(Migration(int(match[1]), match[2], entry.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    if not found or [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise StorageError("The program's migrations are incomplete: install it again.")
    return found


def pending(known: Sequence[Migration], applied: dict[int, str]) -> list[Migration]:
    """What is still to be applied, given {number: sha256} of what the database has.

    Raises StorageError where the database is newer than the program, or was made by other files.
    """
    newest = known[-1].number if known else 0
    reached = max(applied, default=0)
    if reached > newest:
        raise StorageError(
            f"The database has schema {reached}, this program knows {newest}: a newer release has migrated it. "
            "Install that release."
        )
    for migration in known:
        if applied.get(migration.number, migration.sha256) != migration.sha256:
            raise StorageError(
                f"Migration {migration.number} ({migration.name}) is not the one this database was made with. "
                "Install the release that made it."
            )
    return [migration for migration in known if migration.number not in applied]


async def migrate(
    connection: PoolConnectionProxy[asyncpg.Record], migrations: Sequence[Migration], *, timeout_s: float
) -> list[int]:
    """Applies what is missing and returns its numbers. Raises StorageError as `pending` does."""
    # The server's own limit on statements is meant for calls, not for building an index. The pool resets this, and
    # frees the lock, when the connection returns to it.
    await connection.execute(f"SET statement_timeout = {int(timeout_s * 1000)}")
    await connection.execute("SET client_min_messages = warning")  # no notice that the ledger exists
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=timeout_s)
    await connection.execute(_LEDGER)
    rows = await connection.fetch("SELECT number, sha256 FROM schema_migrations")
    todo = pending(migrations, {row["number"]: row["sha256"] for row in rows})
    for migration in todo:
        async with connection.transaction():
            await connection.execute(migration.sql, timeout=timeout_s)
            await connection.execute(
                "INSERT INTO schema_migrations (number, name, sha256) VALUES ($1, $2, $3)",
                migration.number,
                migration.name,
                migration.sha256,
            )
    return [migration.number for migration in todo]
