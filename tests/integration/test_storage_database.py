"""The pool and the migrations, against a real Postgres."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable, StorageError
from voice_agent.storage.migrate import Migration, load_migrations

ONE = Migration(1, "one", "CREATE TABLE one (id int)")
SLOW = Migration(2, "slow", "SELECT pg_sleep(0.3); CREATE TABLE two (id int)")


async def tables(database: Database) -> set[str]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


async def test_a_query_past_its_deadline_is_ended_and_the_pool_goes_on(database_url: str) -> None:
    settings = StorageSettings.model_validate({"database_url": database_url, "database_timeout_s": 0.3})
    async with Database(settings) as database:
        with pytest.raises(DatabaseUnavailable):
            async with database.connection() as connection:
                await connection.execute("SELECT pg_sleep(30)")
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_the_pool_replaces_connections_that_the_server_closed(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.connection() as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_busy_pool_is_unavailable_after_the_deadline(database_url: str) -> None:
    settings = StorageSettings.model_validate(
        {"database_url": database_url, "database_timeout_s": 0.3, "database_pool": 1}
    )
    async with Database(settings) as database, database.connection():
        with pytest.raises(DatabaseUnavailable):
            async with database.connection():
                pass


async def test_errors_that_a_repetition_would_not_cure_come_through(database: Database) -> None:
    async with database.connection() as connection:
        with pytest.raises(asyncpg.UndefinedTableError):
            await connection.execute("SELECT * FROM nowhere")
    with pytest.raises(asyncpg.DataError):
        async with database.connection() as connection:
            await connection.fetchval("SELECT $1::int", "not a number")


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE half (id int)")
            await connection.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await fail()
    assert "half" not in await tables(database)


async def test_a_database_that_is_not_there_is_reported_in_time() -> None:
    settings = StorageSettings.model_validate(
        {"database_url": "postgresql://nobody@127.0.0.1:1/x", "database_start_timeout_s": 0.5}
    )
    begun = time.monotonic()
    with pytest.raises(StorageError, match="check DATABASE_URL"):
        async with Database(settings):
            pass
    assert time.monotonic() - begun < 10


async def test_a_malformed_url_is_reported_at_once() -> None:
    settings = StorageSettings.model_validate({"database_url": "mysql://nobody@127.0.0.1/x"})
    with pytest.raises(StorageError, match="not a Postgres URL"):
        async with Database(settings):
            pass


async def test_the_schema_is_made_once_and_then_left_alone(storage_settings: StorageSettings) -> None:
    async with Database(storage_settings) as database:
        assert list(database.applied) == [migration.number for migration in load_migrations()]
        assert {"api_keys", "calls", "turns", "turn_metrics", "tickets"} <= await tables(database)
    async with Database(storage_settings) as database:
        assert list(database.applied) == []


async def test_two_that_start_at_once_apply_each_migration_once(storage_settings: StorageSettings) -> None:
    starters = [Database(storage_settings, migrations=[ONE, SLOW]) for _ in range(4)]

    async def start(database: Database) -> list[int]:
        async with database:
            return list(database.applied)

    applied = await asyncio.gather(*map(start, starters))
    assert sorted(applied) == [[], [], [], [1, 2]]


async def test_a_migration_may_take_longer_than_a_query(database_url: str) -> None:
    settings = StorageSettings.model_validate({"database_url": database_url, "database_timeout_s": 0.15})
    async with Database(settings, migrations=[ONE, SLOW]) as database:
        assert {"one", "two"} <= await tables(database)
        async with database.connection() as connection:
            assert await connection.fetchval("SHOW statement_timeout") == "150ms"


async def test_a_database_newer_than_the_program_is_refused(storage_settings: StorageSettings) -> None:
    async with Database(storage_settings, migrations=[ONE, SLOW]):
        pass
    with pytest.raises(StorageError, match="has schema 2, this program knows 1"):
        async with Database(storage_settings, migrations=[ONE]):
            pass


async def test_a_migration_that_was_edited_afterwards_is_refused(storage_settings: StorageSettings) -> None:
    async with Database(storage_settings, migrations=[ONE]):
        pass
    with pytest.raises(StorageError, match="is not the one this database was made with"):
        async with Database(storage_settings, migrations=[Migration(1, "one", "CREATE TABLE other (id int)")]):
            pass


async def test_a_migration_that_fails_leaves_nothing_and_is_tried_again(storage_settings: StorageSettings) -> None:
    broken = Migration(2, "broken", "CREATE TABLE two (id int); SELECT nonsense")
    with pytest.raises(StorageError, match="refused a migration"):
        async with Database(storage_settings, migrations=[ONE, broken]):
            pass
    async with Database(storage_settings, migrations=[ONE, SLOW]) as database:
        assert list(database.applied) == [2]
