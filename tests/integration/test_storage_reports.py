"""Saving, discarding and forgetting calls, and the jobs that make their reports, against a real Postgres."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from pgqueuer.db import AsyncpgDriver
from pgqueuer.queries import Queries

from tests.integration.conftest import ROOT, eventually
from voice_agent.facts import HelpdeskFacts
from voice_agent.records import CallEnded, CallStarted, NewTicket, Turn
from voice_agent.settings import JobSettings, StorageSettings
from voice_agent.storage.calls import CallStore
from voice_agent.storage.database import Database
from voice_agent.storage.figures import FigureStore
from voice_agent.storage.job_queue import REPORT, JobWorker, forget_old_jobs
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.outbox_records import decode_records, encode_record, join_records
from voice_agent.storage.reports import ReportStore
from voice_agent.storage.rows import Record, store
from voice_agent.storage.tickets import PostgresTicketStore
from voice_agent.storage.writer import Writer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FACTS = HelpdeskFacts(
    problem="My printer\0 is offline.", category="printer", resolution="confirmed", csat_asked=True, csat=5
)
QUICK = JobSettings(heartbeat_s=0.8, poll_s=0.2, retry_s=0.05)


@pytest.fixture
async def key_id(database: Database, storage_settings: StorageSettings) -> str:
    key_id, _ = await KeyStore(database, storage_settings).create("laptop")
    return key_id


def records(
    call_id: str, key_id: str | None, *, saved: bool = False, facts: HelpdeskFacts | None = FACTS
) -> list[Record]:
    return [
        CallStarted(call_id, "helpdesk", "webrtc", key_id, NOON, saved=saved),
        Turn(call_id, 0, "user", "voice", "My printer is offline.", "My printer is offline.", 0, 500, verbatim=True),
        CallEnded(call_id, NOON + timedelta(minutes=5), "hangup", facts),
    ]


async def put(database: Database, *batch: Record) -> None:
    async with database.connection() as connection:
        await store(connection, batch)


async def count(database: Database, table: str) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))


async def test_the_tables_of_the_queue_are_those_of_the_library(database: Database) -> None:
    async with database.connection() as connection:
        plan = await Queries(AsyncpgDriver(connection)).plan_upgrade()  # type: ignore[arg-type]
    assert list(plan.statements) == []


async def test_facts_come_back_as_they_were_and_a_guests_are_not_stored(database: Database, key_id: str) -> None:
    await put(database, *records("mine", key_id), *records("guest", None))
    finished = await ReportStore(database).finished("mine")
    assert finished is not None
    assert finished.facts == FACTS.model_copy(update={"problem": "My printer\ufffd is offline."})
    assert finished.call.turns[0].verbatim
    assert await ReportStore(database).finished("guest") is None
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT facts FROM calls WHERE id = 'guest'") is None


def test_facts_pass_through_the_outbox_and_older_records_are_still_read() -> None:
    ended = CallEnded("c", NOON, "hangup", FACTS)
    assert decode_records(join_records([encode_record(ended)])) == [ended]
    older = b'[["CallEnded",{"call_id":"c","ended_at":"2026-01-01T12:00:00+00:00","reason":"hangup"}]]'
    assert decode_records(older) == [CallEnded("c", NOON, "hangup")]


async def test_the_writer_keeps_the_facts_of_a_guest_out_of_the_outbox(
    database: Database, storage_settings: StorageSettings
) -> None:
    async with Writer(database, storage_settings) as writer:
        for record in records("guest", None):
            match record:
                case CallStarted():
                    writer.call_started(record)
                case CallEnded():
                    writer.call_ended(record)
        assert [record.facts for record in writer._queue if isinstance(record, CallEnded)] == [None]


async def test_the_end_of_a_call_orders_its_report_once_and_a_guests_none(database: Database, key_id: str) -> None:
    batch = [*records("mine", key_id), *records("guest", None)]
    await put(database, *batch)
    await put(database, *batch)
    assert await count(database, "pgqueuer") == 1
    await put(database, CallEnded("mine", NOON + timedelta(minutes=9), "hangup"))  # It went on, and ended again.
    assert await count(database, "pgqueuer") == 2


def test_names_in_the_environment_do_not_lead_the_queue_astray() -> None:
    astray = dict.fromkeys(("CHANNEL", "QUEUE_TABLE", "PGQUEUER_QUEUE_TABLE", "PGQUEUER_SCHEMA"), "elsewhere")
    code = "from voice_agent.storage.job_queue import _NAMES; print(_NAMES.qualified.queue_table, _NAMES.channel)"
    asked = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | astray, capture_output=True, check=True, cwd=ROOT
    )
    assert asked.stdout == b"pgqueuer ch_pgqueuer\n"


async def test_a_failed_transaction_leaves_no_job_behind(database: Database, key_id: str) -> None:
    class BrokenError(Exception):
        pass

    async def store_and_break() -> None:
        async with database.transaction() as connection:
            await store(connection, records("mine", key_id))
            raise BrokenError

    with pytest.raises(BrokenError):
        await store_and_break()
    assert await count(database, "pgqueuer") == 0


async def test_a_discarded_call_does_not_come_back_from_records_that_arrive_later(
    database: Database, key_id: str
) -> None:
    calls = CallStore(database)
    await put(database, *records("mine", key_id))
    number = await PostgresTicketStore(database).create_ticket("mine", NewTicket("s", "d", "printer", "P3"))
    assert await calls.delete("mine", key_id=key_id)
    await put(database, *records("mine", key_id))
    assert [await count(database, table) for table in ("calls", "turns", "turn_metrics", "reports")] == [0, 0, 0, 0]
    ticket = await PostgresTicketStore(database).get(number)
    assert ticket is not None
    assert ticket.call_id is None
    assert not await calls.delete("mine", key_id=key_id)


async def test_a_call_can_be_discarded_before_its_start_is_stored(database: Database, key_id: str) -> None:
    assert not await CallStore(database).delete("mine", key_id=key_id, known=True)
    await put(database, *records("mine", key_id))
    assert await count(database, "calls") == 0


async def test_another_keys_call_can_neither_be_saved_nor_discarded(
    database: Database, storage_settings: StorageSettings, key_id: str
) -> None:
    other, _ = await KeyStore(database, storage_settings).create("other")
    await put(database, *records("mine", key_id))
    calls = CallStore(database)
    assert not await calls.save("mine", key_id=other)
    assert not await calls.delete("mine", key_id=other)
    assert await ReportStore(database).get("mine", key_id=other) is None
    assert await count(database, "deleted_calls") == 0


async def test_what_nobody_decided_to_keep_is_deleted_and_what_was_saved_stays(database: Database, key_id: str) -> None:
    calls = CallStore(database)
    await put(database, *records("undecided", key_id), *records("auto", key_id, saved=True), *records("asked", key_id))
    await put(database, *records("guest", None))
    assert await calls.save("asked", key_id=key_id)
    assert await calls.delete_undecided(NOON, limit=10) == 0  # It ended later than that.
    assert await calls.delete_undecided(NOON + timedelta(hours=1), limit=10) == 1
    assert {call.call_id for call in await calls.list(key_id=key_id, limit=9)} == {"auto", "asked"}
    assert await count(database, "calls") == 3
    await calls.forget_deleted(datetime.now(UTC) + timedelta(days=1))
    assert await count(database, "deleted_calls") == 0


async def test_a_call_whose_process_died_ends_with_its_last_turn_and_gets_a_report(
    database: Database, key_id: str
) -> None:
    await put(
        database, *records("lost", key_id)[:2], CallStarted("new", "helpdesk", "webrtc", key_id, NOON + timedelta(1))
    )
    calls = CallStore(database)
    assert await calls.end_lost(NOON + timedelta(minutes=1)) == 1
    assert await calls.end_lost(NOON + timedelta(minutes=1)) == 0
    found = await calls.get("lost", key_id=key_id)
    assert found is not None
    assert (found.summary.end_reason, found.summary.ended_at) == ("lost", NOON + timedelta(milliseconds=500))
    assert await count(database, "pgqueuer") == 1
    # Its own end, late from the outbox of the dead process, counts more.
    await put(database, records("lost", key_id)[2])
    found = await calls.get("lost", key_id=key_id)
    assert found is not None
    assert found.summary.end_reason == "hangup"


async def test_a_report_is_of_the_last_end_and_never_older(database: Database, key_id: str) -> None:
    reports = ReportStore(database)
    await put(database, *records("mine", key_id))
    state = await reports.get("mine", key_id=key_id)
    assert state is not None
    assert not state.made
    first, second = NOON + timedelta(minutes=5), NOON + timedelta(minutes=9)
    await reports.store("mine", first, '{"n": 1}', "[]")
    assert await reports.has_report("mine")
    await put(database, CallEnded("mine", second, "hangup"))
    assert not await reports.has_report("mine")
    await reports.store("mine", second, '{"n": 2}', "[]")
    await reports.store("mine", first, '{"n": 1}', "[]")
    state = await reports.get("mine", key_id=key_id)
    assert state is not None
    assert json.loads(state.body or "") == {"n": 2}


async def test_a_report_that_cannot_be_made_is_said_to_be_so(database: Database, key_id: str) -> None:
    reports = ReportStore(database)
    await put(database, *records("mine", key_id))
    await reports.give_up("mine")
    state = await reports.get("mine", key_id=key_id)
    assert state is not None
    assert (state.made, state.body) == (True, None)
    assert not await reports.has_report("mine")
    assert await reports.saved_measures(key_id=key_id, agent=None, limit=9) == []


async def test_measures_of_saved_calls_alone_make_trends(database: Database, key_id: str) -> None:
    reports = ReportStore(database)
    await put(database, *records("kept", key_id, saved=True), *records("undecided", key_id))
    for call_id in ("kept", "undecided"):
        await reports.store(call_id, NOON + timedelta(minutes=5), "{}", '[{"id": "pace"}]')
    found = await reports.saved_measures(key_id=key_id, agent="helpdesk", limit=9)
    assert [(each.call_id, each.measures) for each in found] == [("kept", [{"id": "pace"}])]
    assert await reports.saved_measures(key_id=key_id, agent="interviewer", limit=9) == []


async def test_an_operators_key_is_known_as_one(database: Database, storage_settings: StorageSettings) -> None:
    keys = KeyStore(database, storage_settings)
    _, plain = await keys.create("plain")
    _, operator = await keys.create("desk", operator=True)
    assert [info.operator for info in [await keys.verify(plain), await keys.verify(operator)] if info] == [False, True]
    assert [row.operator for row in await keys.list()] == [False, True]


async def test_a_ticket_keeps_the_times_of_its_way(database: Database) -> None:
    tickets = PostgresTicketStore(database)
    number = await tickets.create_ticket("c", NewTicket("s", "d", "printer", "P2"))
    assert await tickets.set_status(number + 1, "solved") is None
    pending = await tickets.set_status(number, "pending")
    assert pending is not None
    assert pending.pending_since is not None
    async with database.connection() as connection:
        await connection.execute("UPDATE tickets SET pending_since = pending_since - interval '1 hour'")
    solved = await tickets.set_status(number, "solved")
    assert solved is not None
    assert solved.pending_s == pytest.approx(3600, abs=30)
    assert solved.pending_since is None
    closed = await tickets.set_status(number, "closed")
    assert closed is not None
    assert closed.resolved_at == solved.resolved_at
    assert closed.closed_at is not None
    reopened = await tickets.set_status(number, "open")
    assert reopened is not None
    assert (reopened.resolved_at, reopened.closed_at) == (None, None)
    assert reopened.pending_s == solved.pending_s


async def test_figures_are_made_of_codes_and_times(database: Database, key_id: str) -> None:
    await put(database, *records("mine", key_id), *records("guest", None))
    figures = FigureStore(database)
    calls = await figures.helpdesk_calls(NOON, NOON + timedelta(days=1))
    assert [(call.call_id, call.resolution, call.csat) for call in calls] == [("mine", "confirmed", 5)]
    assert await figures.helpdesk_calls(NOON + timedelta(days=1), NOON + timedelta(days=2)) == []
    await PostgresTicketStore(database).create_ticket("mine", NewTicket("s", "d", "printer", "P3"))
    now = datetime.now(UTC)
    assert [each.priority for each in await figures.tickets(now - timedelta(hours=1), now + timedelta(hours=1))] == [
        "P3"
    ]


# --- the queue --------------------------------------------------------------------------------------------------


class Work:
    """A handler that notes what it is asked for, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.asked: list[str] = []
        self.given_up: list[str] = []
        self.kept_house = 0

    async def report(self, call_id: str) -> None:
        self.asked.append(call_id)
        if len(self.asked) <= self.failures:
            raise ValueError("My printer is offline.")

    async def give_up(self, kind: str, call_id: str) -> None:
        self.given_up.append(call_id)

    async def keep_house(self) -> None:
        self.kept_house += 1


@asynccontextmanager
async def working(
    database: Database,
    work: Work,
    handler: Callable[[str], Awaitable[None]] | None = None,
    settings: JobSettings = QUICK,
) -> AsyncIterator[JobWorker]:
    worker = JobWorker(
        database,
        settings,
        handlers={REPORT: handler or work.report},
        given_up=work.give_up,
        housekeeping=work.keep_house,
    )
    task = asyncio.create_task(worker.run())
    yield worker
    worker.stop()
    async with asyncio.timeout(10):
        await task


async def test_a_failed_job_is_tried_again_and_what_went_wrong_is_stored_nowhere(
    database: Database, key_id: str
) -> None:
    work = Work(failures=2)
    async with working(database, work):
        await put(database, *records("mine", key_id))
        await eventually(lambda: len(work.asked) == 3)
        await eventually(lambda: _empty(database))
    assert work.given_up == []
    async with database.connection() as connection:
        logged = await connection.fetchval("SELECT string_agg(pgqueuer_log::text, ' ') FROM pgqueuer_log")
    assert "printer" not in logged
    await forget_old_jobs(database, datetime.now(UTC) + timedelta(days=1))


async def test_a_job_that_never_succeeds_is_given_up(database: Database, key_id: str) -> None:
    work = Work(failures=99)
    async with working(database, work, settings=QUICK.model_copy(update={"attempts": 2})):
        await put(database, *records("mine", key_id))
        await eventually(lambda: work.given_up == ["mine"])
        await eventually(lambda: _empty(database))
    assert len(work.asked) == 2


async def test_a_worker_that_stops_gives_its_job_back(database: Database, key_id: str) -> None:
    begun = asyncio.Event()

    async def endless(_call_id: str) -> None:
        begun.set()
        await asyncio.Event().wait()

    await put(database, *records("mine", key_id))
    async with working(database, Work(), endless):
        await asyncio.wait_for(begun.wait(), 10)
    async with database.connection() as connection:
        assert await connection.fetchval("SELECT status::text FROM pgqueuer") == "queued"
    work = Work()
    async with working(database, work):
        await eventually(lambda: work.asked == ["mine"])


async def test_a_worker_comes_back_when_the_database_does(database: Database, key_id: str) -> None:
    work = Work()
    async with working(database, work):
        await eventually(lambda: _listening(database))
        async with database.connection() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await put(database, *records("mine", key_id))
        await eventually(lambda: work.asked == ["mine"])


async def _empty(database: Database) -> bool:
    return await count(database, "pgqueuer") == 0


async def _listening(database: Database) -> bool:
    async with database.connection() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE '%LISTEN%'"
        return await count(database, "pgqueuer_schedules") == 1 and bool(await connection.fetchval(query))
