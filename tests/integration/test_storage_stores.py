"""Keys, calls and tickets, against a real Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from voice_agent.records import CallEnded, CallStarted, NewTicket, Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.calls import CallStore
from voice_agent.storage.database import Database
from voice_agent.storage.errors import DatabaseUnavailable
from voice_agent.storage.keys import AmbiguousKeyError, KeyStore
from voice_agent.storage.tickets import PostgresTicketStore
from voice_agent.storage.writer import Writer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def record_calls(database: Database, settings: StorageSettings, key_id: str, *call_ids: str) -> None:
    async with Writer(database, settings) as writer:
        for minutes, call_id in enumerate(call_ids):
            writer.call_started(CallStarted(call_id, "helpdesk", "webrtc", key_id, NOON + timedelta(minutes=minutes)))
            writer.turn(Turn(call_id, 0, "user", "voice", "Hello.", "Hello.", 0, 500))
            writer.call_ended(CallEnded(call_id, NOON + timedelta(hours=1), "hangup"))


async def test_a_new_key_is_valid_long_and_stored_only_as_a_digest(
    database: Database, storage_settings: StorageSettings
) -> None:
    keys = KeyStore(database, storage_settings)
    key_id, key = await keys.create("laptop")
    assert key.startswith("sk-")
    assert len(key) >= 3 + 160 / 6
    info = await keys.verify(key)
    assert info is not None
    assert (info.id, info.name) == (key_id, "laptop")
    async with database.connection() as connection:
        stored = await connection.fetchval("SELECT api_keys::text FROM api_keys")
    assert key not in stored
    assert key[10:] not in stored


@pytest.mark.parametrize("wrong", ["", "sk-", "sk-" + "a" * 43, "sk-\0", "sk-\ud800", "'; DROP TABLE api_keys; --"])
async def test_unknown_keys_are_not_valid(database: Database, storage_settings: StorageSettings, wrong: str) -> None:
    keys = KeyStore(database, storage_settings)
    await keys.create("laptop")
    assert await keys.verify(wrong) is None


async def test_a_key_with_one_letter_changed_is_not_valid(
    database: Database, storage_settings: StorageSettings
) -> None:
    keys = KeyStore(database, storage_settings)
    _, key = await keys.create("laptop")
    changed = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert await keys.verify(changed) is None


async def test_revocation_in_another_process_takes_effect_within_the_cache_time(
    database: Database, storage_settings: StorageSettings
) -> None:
    clock = Clock()
    server = KeyStore(database, storage_settings, clock=clock)
    command = KeyStore(database, storage_settings)
    key_id, key = await command.create("laptop")
    assert await server.verify(key)
    assert await command.revoke(key_id)
    clock.now += storage_settings.key_cache_s / 2
    assert await server.verify(key)
    clock.now += storage_settings.key_cache_s / 2
    assert await server.verify(key) is None
    assert storage_settings.key_cache_s <= 2


async def test_revocation_in_the_same_process_takes_effect_at_once(
    database: Database, storage_settings: StorageSettings
) -> None:
    keys = KeyStore(database, storage_settings)
    key_id, key = await keys.create("laptop")
    assert await keys.verify(key)
    assert await keys.revoke(key_id)
    assert await keys.verify(key) is None


async def test_a_key_can_be_revoked_by_its_beginning_if_that_is_clear(
    database: Database, storage_settings: StorageSettings
) -> None:
    keys = KeyStore(database, storage_settings)
    _, one = await keys.create("one")
    _, two = await keys.create("two")
    with pytest.raises(AmbiguousKeyError):
        await keys.revoke("sk-")
    assert await keys.revoke("sk-nothing") is None
    assert await keys.revoke("") is None
    assert await keys.verify(two)
    row = await keys.revoke(one[:10])
    assert row is not None
    assert row.name == "one"
    assert row.revoked_at is not None
    again = await keys.revoke(row.id)
    assert again == row
    assert await keys.verify(two)


async def test_the_list_shows_use_and_revocation_but_no_key(
    database: Database, storage_settings: StorageSettings
) -> None:
    keys = KeyStore(database, storage_settings)
    _, used = await keys.create("used")
    await keys.create("unused")
    await keys.verify(used)
    first, second = await keys.list()
    assert (first.name, second.name) == ("used", "unused")
    assert first.last_used_at is not None
    assert second.last_used_at is None
    assert used not in repr(first)


async def test_verified_keys_in_memory_are_bounded(database: Database, storage_settings: StorageSettings) -> None:
    keys = KeyStore(database, storage_settings.model_copy(update={"key_cache_entries": 3}))
    for number in range(6):
        _, key = await keys.create(str(number))
        assert await keys.verify(key)
    assert len(keys._verified) == 3


async def test_a_key_needs_a_name(database: Database, storage_settings: StorageSettings) -> None:
    with pytest.raises(ValueError, match="name"):
        await KeyStore(database, storage_settings).create("  ")


async def test_without_a_database_no_key_is_valid(storage_settings: StorageSettings) -> None:
    with pytest.raises(DatabaseUnavailable):
        await KeyStore(Database(storage_settings), storage_settings).verify("sk-anything")


async def test_a_call_is_there_for_its_key_alone(database: Database, storage_settings: StorageSettings) -> None:
    keys, calls = KeyStore(database, storage_settings), CallStore(database)
    mine, _ = await keys.create("mine")
    other, _ = await keys.create("other")
    await record_calls(database, storage_settings, mine, "c1")
    assert await calls.get("c1", key_id=other) is None
    assert await calls.list(key_id=other, limit=10) == []
    assert not await calls.delete("c1", key_id=other)
    assert await calls.get("c1", key_id=mine)
    assert await calls.delete("c1", key_id=mine)
    assert await calls.get("c1", key_id=mine) is None
    assert not await calls.delete("c1", key_id=mine)


async def test_calls_are_listed_newest_first_page_by_page(
    database: Database, storage_settings: StorageSettings
) -> None:
    mine, _ = await KeyStore(database, storage_settings).create("mine")
    await record_calls(database, storage_settings, mine, "a", "b", "c")
    calls = CallStore(database)
    first = await calls.list(key_id=mine, limit=2)
    assert [call.call_id for call in first] == ["c", "b"]
    second = await calls.list(key_id=mine, limit=2, before=first[-1].call_id)
    assert [call.call_id for call in second] == ["a"]


async def test_tickets_are_numbered_from_1001_and_outlive_their_call(
    database: Database, storage_settings: StorageSettings
) -> None:
    mine, _ = await KeyStore(database, storage_settings).create("mine")
    tickets = PostgresTicketStore(database)
    ticket = NewTicket("No sound", "None since\0 Monday.", "audio", "P3", "Ada", "kb-7", ("restarted", "other cable"))
    assert await tickets.create_ticket("c1", ticket) == 1001
    assert await tickets.create_ticket("unrecorded", ticket) == 1002
    await record_calls(database, storage_settings, mine, "c1")
    stored = await tickets.get(1001)
    assert stored is not None
    assert stored.call_id == "c1"
    await CallStore(database).delete("c1", key_id=mine)
    stored = await tickets.get(1001)
    assert stored is not None
    assert (stored.call_id, stored.status) == (None, "open")
    assert stored.ticket.steps_tried == ticket.steps_tried
    assert stored.ticket.description == "None since\ufffd Monday."
    assert await tickets.get(7) is None


async def test_a_ticket_needs_a_known_priority(database: Database) -> None:
    with pytest.raises(ValueError, match="P1"):
        await PostgresTicketStore(database).create_ticket("c1", NewTicket("a", "b", "c", "urgent"))
