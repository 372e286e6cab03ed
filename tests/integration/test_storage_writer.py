"""The writer: batches, outages, kills, guests, refused rows. Against a real Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from tests.integration.conftest import eventually
from voice_agent.engines.ports import Word
from voice_agent.records import CallEnded, CallStarted, Turn, TurnMetrics
from voice_agent.settings import StorageSettings
from voice_agent.storage.calls import CallStore
from voice_agent.storage.database import Database
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.writer import Writer
from voice_agent.storage.writer_batch import REJECTED

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def started(call_id: str, key_id: str | None) -> CallStarted:
    return CallStarted(call_id, "helpdesk", "webrtc", key_id, NOON)


def turn(call_id: str, seq: int, text: str = "Good morning.") -> Turn:
    return Turn(call_id, seq, "user", "voice", text, text, 100 * seq, 100 * seq + 90)


async def a_key(database: Database, settings: StorageSettings) -> str:
    key_id, _ = await KeyStore(database, settings).create("test")
    return key_id


async def count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_a_call_is_read_back_as_it_was_recorded(database: Database, storage_settings: StorageSettings) -> None:
    key_id = await a_key(database, storage_settings)
    spoken = Turn(
        call_id="c1",
        seq=1,
        role="assistant",
        channel="voice",
        text="Grüß Gott, “friend” 🎧. And more.",
        heard="Grüß Gott",
        start_ms=10,
        end_ms=900,
        interrupted=True,
        partial=True,
        words=(Word("Grüß", 10, 200, 0.5), Word("Gott", 200, 400)),
        metrics=TurnMetrics(eou_ms=1, stt_ms=2, moderation_ms=3, ttft_ms=4, ttfb_ms=5, e2e_ms=6, engine="stub"),
    )
    async with Writer(database, storage_settings) as writer:
        writer.call_started(started("c1", key_id))
        writer.turn(turn("c1", 0))
        writer.turn(spoken)
        writer.call_ended(CallEnded("c1", NOON + timedelta(minutes=1), "hangup"))
    call = await CallStore(database).get("c1", key_id=key_id)
    assert call is not None
    assert call.turns == (turn("c1", 0), spoken)
    assert (call.summary.started_at, call.summary.ended_at) == (NOON, NOON + timedelta(minutes=1))
    assert (call.summary.agent, call.summary.end_reason, call.summary.turn_count) == ("helpdesk", "hangup", 2)


async def test_recording_never_waits_and_flush_waits_for_all_of_it(
    database: Database, storage_settings: StorageSettings
) -> None:
    key_id = await a_key(database, storage_settings)
    async with Writer(database, storage_settings) as writer:
        writer.call_started(started("c1", key_id))
        for seq in range(1000):
            writer.turn(turn("c1", seq))
        assert writer.waiting == 1001
        await writer.flush(timeout_s=20)
        assert writer.waiting == 0
        assert await count(database, "turns") == 1000


async def test_of_a_guest_only_numbers_are_stored(database: Database, storage_settings: StorageSettings) -> None:
    async with Writer(database, storage_settings) as writer:
        writer.call_started(started("guest", None))
        writer.turn(turn("guest", 0, "canary phrase"))
        writer.call_ended(CallEnded("guest", NOON, "hangup"))
        writer.turn(turn("guest", 1, "canary phrase, late"))
        writer.turn(turn("never started", 0, "canary phrase of nobody"))
    assert await count(database, "calls") == 1
    assert await count(database, "turns") == 0
    assert await count(database, "turn_metrics") == 2
    async with database.connection() as connection:
        for table in ("calls", "turns", "turn_metrics"):
            assert await connection.fetchval(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%canary%'") == 0


async def test_the_same_records_twice_are_stored_once(database: Database, storage_settings: StorageSettings) -> None:
    key_id = await a_key(database, storage_settings)
    async with Writer(database, storage_settings) as writer:
        for _ in range(2):
            writer.call_started(started("c1", key_id))
            writer.turn(turn("c1", 0))
            writer.call_ended(CallEnded("c1", NOON, "hangup"))
    assert await count(database, "calls") == await count(database, "turns") == 1


async def test_a_refused_record_does_not_hold_up_the_others(
    database: Database, storage_settings: StorageSettings
) -> None:
    key_id = await a_key(database, storage_settings)
    before = REJECTED._value.get()
    async with Writer(database, storage_settings) as writer:
        writer.call_started(started("c1", key_id))
        writer.call_started(started("c2", "no such key"))
        writer.turn(turn("c1", -1))
        writer.turn(turn("c1", 2**40))
        writer.turn(turn("c1", 0))
    assert await count(database, "calls") == await count(database, "turns") == 1
    assert REJECTED._value.get() - before == 3


async def test_text_that_postgres_cannot_hold_is_stored_as_far_as_it_can(
    database: Database, storage_settings: StorageSettings
) -> None:
    key_id = await a_key(database, storage_settings)
    async with Writer(database, storage_settings) as writer:
        writer.call_started(started("c1", key_id))
        writer.turn(turn("c1", 0, "a\0b\ud83dc"))
    call = await CallStore(database).get("c1", key_id=key_id)
    assert call is not None
    assert call.turns[0].text == "a\ufffdb?c"


async def test_turns_after_a_deletion_are_not_stored(database: Database, storage_settings: StorageSettings) -> None:
    key_id = await a_key(database, storage_settings)
    async with Writer(database, storage_settings) as writer:
        writer.call_started(started("c1", key_id))
        writer.turn(turn("c1", 0))
        await writer.flush(timeout_s=20)
        assert await CallStore(database).delete("c1", key_id=key_id)
        writer.turn(turn("c1", 1))
        writer.call_ended(CallEnded("c1", NOON, "hangup"))
    for table in ("calls", "turns", "turn_metrics"):
        assert await count(database, table) == 0


async def test_kills_in_the_middle_lose_nothing_and_double_nothing(data_dir: Path) -> None:
    settings = StorageSettings(data_dir=data_dir, writer_batch_rows=20, writer_flush_ms=5, writer_close_timeout_s=30)
    async with Database(settings) as database:
        assert database.embedded is not None
        key_id = await a_key(database, settings)
        expected = set()
        async with Writer(database, settings) as writer:
            for call in range(30):
                call_id = f"c{call}"
                writer.call_started(started(call_id, key_id))
                for seq in range(20):
                    writer.turn(turn(call_id, seq))
                    expected.add((call_id, seq))
                writer.call_ended(CallEnded(call_id, NOON, "hangup"))
                await asyncio.sleep(0.01)
                if call % 10 == 5 and database.embedded.pid is not None:
                    os.kill(database.embedded.pid, signal.SIGKILL)
            await writer.flush(timeout_s=60)
        async with database.connection() as connection:
            rows = await connection.fetch("SELECT call_id, seq FROM turns")
            open_calls = await connection.fetchval("SELECT count(*) FROM calls WHERE ended_at IS NULL")
        assert len(rows) == len(expected)
        assert {(row["call_id"], row["seq"]) for row in rows} == expected
        assert open_calls == 0
        assert await count(database, "turn_metrics") == len(expected)


async def test_a_batch_waits_out_a_lock_and_is_stored_in_order(
    database: Database, storage_settings: StorageSettings, database_url: str
) -> None:
    key_id = await a_key(database, storage_settings)
    blocker = await asyncpg.connect(database_url)
    try:
        async with Writer(database, storage_settings) as writer:
            async with blocker.transaction():
                await blocker.execute("LOCK TABLE turns IN ACCESS EXCLUSIVE MODE")
                writer.call_started(started("c1", key_id))
                writer.turn(turn("c1", 0))
                writer.call_ended(CallEnded("c1", NOON, "hangup"))
                with pytest.raises(TimeoutError):
                    await writer.flush(timeout_s=0.3)
                assert await count(database, "calls") == 0
            await eventually(lambda: writer.waiting == 0)
        assert await count(database, "turns") == 1
    finally:
        await blocker.close()
