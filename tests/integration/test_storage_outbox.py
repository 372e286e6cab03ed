"""The outbox: outages, limits, full and hanging disks, damage, keys, folders left behind. Against a real Postgres."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import eventually
from voice_agent.records import CallEnded, CallStarted, Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.calls import CallStore
from voice_agent.storage.database import Database
from voice_agent.storage.embedded import EmbeddedPostgres
from voice_agent.storage.errors import DatabaseUnavailable, StorageError
from voice_agent.storage.keys import KeyStore
from voice_agent.storage.lost_calls import LostCalls
from voice_agent.storage.outbox import DAMAGED, FAILURES, ROWS, Outbox
from voice_agent.storage.outbox_folder import OutboxFolders, prepare_outbox
from voice_agent.storage.outbox_records import encode_record
from voice_agent.storage.writer import LOST, Writer
from voice_agent.storage.writer_batch import REJECTED

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CANARY = "canary phrase 7261"
SLOW_S = 30


def started(call_id: str, key_id: str | None) -> CallStarted:
    return CallStarted(call_id, "helpdesk", "webrtc", key_id, NOON)


def turn(call_id: str, seq: int, text: str = CANARY) -> Turn:
    return Turn(call_id, seq, "user", "voice", text, text, 100 * seq, 100 * seq + 90)


def encoded(*records: CallStarted | Turn | CallEnded) -> list[bytes]:
    return [encode_record(record) for record in records]


class Place:
    """A database that can be stopped and started, and a key in it."""

    def __init__(self, folder: Path) -> None:
        self._own = StorageSettings(data_dir=folder)
        self.outbox = folder / "outbox"
        self.postgres: EmbeddedPostgres | None = None
        self.key_id = ""

    def settings(self, **values: Any) -> StorageSettings:
        url = f"postgresql://postgres@/postgres?host={self._own.data_dir / 'postgres' / 's'}"
        quick = {"writer_flush_ms": 5, "writer_retry_max_s": 0.1, "database_url": url}
        return StorageSettings.model_validate({**quick, "data_dir": self._own.data_dir, **values})

    async def start(self) -> None:
        self.postgres = EmbeddedPostgres(self._own)
        await self.postgres.__aenter__()

    async def stop(self) -> None:
        postgres, self.postgres = self.postgres, None
        if postgres is not None:
            await postgres.__aexit__(None, None, None)

    def segments(self) -> list[Path]:
        return sorted(self.outbox.glob("*/*.seg"))


@pytest.fixture
async def place(data_dir: Path) -> AsyncIterator[Place]:
    place = Place(data_dir)
    await place.start()
    settings = place.settings()
    async with Database(settings) as database:
        place.key_id, _ = await KeyStore(database, settings).create("test")
    yield place
    await place.stop()


@asynccontextmanager
async def writing(
    place: Place, folders: Callable[[StorageSettings], OutboxFolders] = OutboxFolders, **values: Any
) -> AsyncIterator[tuple[Database, Writer]]:
    settings = place.settings(**values)
    async with (
        Database(settings) as database,
        Writer(database, settings, Outbox(settings, folders(settings))) as writer,
    ):
        yield database, writer


async def stored(database: Database) -> list[tuple[str, int]]:
    async with database.connection() as connection:
        rows = await connection.fetch("SELECT call_id, seq FROM turns ORDER BY created_at, call_id, seq")
    return [(row["call_id"], row["seq"]) for row in rows]


class TestOutage:
    async def test_what_is_said_meanwhile_is_acknowledged_and_stored_afterwards(self, place: Place) -> None:
        async with writing(place) as (database, writer):
            writer.call_started(started("c1", place.key_id))
            await writer.flush(timeout_s=SLOW_S)
            await place.stop()
            for seq in range(20):
                writer.turn(turn("c1", seq))
                await eventually(lambda seq=seq: writer.acknowledged("c1") == seq)
            writer.call_started(started("c2", place.key_id))
            writer.turn(turn("c2", 0))
            writer.call_ended(CallEnded("c2", NOON, "hangup"))
            await eventually(lambda: ROWS._value.get() == 23)
            assert writer.waiting == 23
            assert writer.accepting
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert writer.waiting == ROWS._value.get() == 0
            assert place.segments() == []
            assert await stored(database) == [("c1", seq) for seq in range(20)] + [("c2", 0)]
            call = await CallStore(database).get("c2", key_id=place.key_id)
            assert call is not None
            assert (call.summary.end_reason, call.turns) == ("hangup", (turn("c2", 0),))

    async def test_a_database_that_only_hangs_delays_no_acknowledgement_for_long(
        self, database: Database, storage_settings: StorageSettings, database_url: str
    ) -> None:
        settings = storage_settings.model_copy(update={"writer_timeout_s": 0.2, "writer_flush_ms": 5})
        key_id, _ = await KeyStore(database, settings).create("test")
        async with Writer(database, settings) as writer, Database(settings) as other:
            writer.call_started(started("c1", key_id))
            await writer.flush(timeout_s=SLOW_S)
            async with other.transaction() as connection:
                await connection.execute("LOCK TABLE turns IN ACCESS EXCLUSIVE MODE")
                for seq in range(5):
                    writer.turn(turn("c1", seq))
                    await eventually(lambda seq=seq: writer.acknowledged("c1") == seq)
            await writer.flush(timeout_s=SLOW_S)
            assert await stored(database) == [("c1", seq) for seq in range(5)]

    async def test_at_the_end_of_the_server_the_rest_stays_for_the_next_start(self, place: Place) -> None:
        lost = LOST._value.get()
        async with writing(place, writer_close_timeout_s=0.1) as (_, writer):
            await place.stop()
            writer.call_started(started("c1", place.key_id))
            writer.turn(turn("c1", 0))
        assert not writer.accepting
        assert LOST._value.get() == lost
        assert len(place.segments()) == 1
        await place.start()
        async with writing(place) as (database, writer):
            await writer.flush(timeout_s=SLOW_S)
            assert await stored(database) == [("c1", 0)]
        assert [path.name for path in place.outbox.iterdir()] == ["lock"]

    async def test_constant_traffic_does_not_keep_the_outbox_from_becoming_empty(self, place: Place) -> None:
        async with writing(place, writer_flush_ms=1, outbox_segment_bytes=2000) as (database, writer):
            writer.call_started(started("c1", place.key_id))
            await place.stop()
            talking, count = asyncio.Event(), 0

            async def talk() -> None:
                nonlocal count
                while not talking.is_set():
                    writer.turn(turn("c1", count))
                    count += 1
                    await asyncio.sleep(0.001)

            speaker = asyncio.create_task(talk())
            await eventually(lambda: ROWS._value.get() > 100)
            await place.start()
            await eventually(lambda: not place.segments(), timeout_s=SLOW_S)
            talking.set()
            await speaker
            await writer.flush(timeout_s=SLOW_S)
            assert sorted(await stored(database)) == [("c1", seq) for seq in range(count)]

    async def test_a_record_that_is_refused_later_does_not_hold_up_the_others(self, place: Place) -> None:
        before = REJECTED._value.get()
        async with writing(place) as (database, writer):
            await place.stop()
            writer.call_started(started("c1", place.key_id))
            writer.turn(turn("c1", -1))
            pcm: Any = b"\0\1" * 160
            writer.turn(turn("c1", 0, pcm))
            writer.turn(turn("c1", 1))
            await eventually(lambda: ROWS._value.get() == 3)
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert await stored(database) == [("c1", 1)]
        assert REJECTED._value.get() - before == 2

    async def test_what_a_killed_worker_left_is_there_when_its_call_goes_on_here(self, place: Place) -> None:
        async with writing(place) as (database, writer):
            killed = OutboxFolders(place.settings())
            killed.open()
            killed.append(encoded(started("c1", place.key_id), turn("c1", 0)))
            killed.close()
            writer.call_started(started("c2", place.key_id))
            writer.turn(turn("c2", 0))
            assert await stored(database) == []
            settings = place.settings(outbox_catch_up_s=SLOW_S)
            call = await LostCalls(CallStore(database), writer, settings).get("c1", key_id=place.key_id)
            assert call is not None
            assert call.turns == (turn("c1", 0),)
            assert sorted(await stored(database)) == [("c1", 0), ("c2", 0)]

    async def test_a_call_does_not_go_on_here_while_another_worker_still_stores_what_the_killed_one_left(
        self, place: Place
    ) -> None:
        async with writing(place) as (database, writer):
            third = OutboxFolders(place.settings())
            third.open()
            third.append(encoded(started("c1", place.key_id), turn("c1", 0)))
            lost = LostCalls(CallStore(database), writer, place.settings(outbox_catch_up_s=0.2))
            with pytest.raises(DatabaseUnavailable, match="outbox"):
                await lost.get("c1", key_id=place.key_id)
            third.close()
            lost = LostCalls(CallStore(database), writer, place.settings(outbox_catch_up_s=SLOW_S))
            call = await lost.get("c1", key_id=place.key_id)
            assert call is not None
            assert call.turns == (turn("c1", 0),)

    async def test_a_call_does_not_go_on_here_before_all_of_it_can_be_stored(self, place: Place) -> None:
        async with writing(place) as (database, writer):
            await place.stop()
            writer.call_started(started("c1", place.key_id))
            lost = LostCalls(CallStore(database), writer, place.settings(outbox_catch_up_s=0.05))
            with pytest.raises(DatabaseUnavailable, match="outbox"):
                await lost.get("c1", key_id=place.key_id)
            await place.start()


class TestPrivacy:
    async def test_nothing_can_be_read_on_the_disk_and_nobody_else_may_look(self, place: Place) -> None:
        async with writing(place) as (_, writer):
            await place.stop()
            writer.call_started(started("c1", place.key_id))
            writer.turn(turn("c1", 0))
            await eventually(place.segments)
            for path in place.outbox.rglob("*"):
                assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)
                if path.is_file():
                    for secret in (CANARY, "canary", "c1", "helpdesk", "Turn", place.key_id):
                        assert secret.encode() not in path.read_bytes()
            assert place.outbox.stat().st_mode & 0o777 == 0o700
            assert (place.outbox.parent / "data.key").stat().st_mode & 0o777 == 0o600
            await place.start()

    async def test_of_guests_there_is_no_text_even_encrypted(self, place: Place) -> None:
        settings = place.settings()
        async with writing(place, writer_close_timeout_s=0.1) as (_, writer):
            await place.stop()
            writer.call_started(started("guest", None))
            writer.turn(turn("guest", 0))
            writer.call_ended(CallEnded("guest", NOON, "hangup"))
            writer.turn(turn("guest", 1))
            writer.turn(turn("never started", 0))
        folders = OutboxFolders(settings)
        folders.open()
        try:
            found = folders.oldest()
            assert found is not None
            turns = [record for record in found[1] if isinstance(record, Turn)]
            assert [record.seq for record in turns] == [0, 1, 0]
            assert all(record.text == record.heard == "" and not record.words for record in turns)
        finally:
            folders.close()


class TestLimits:
    async def test_past_its_size_new_calls_are_refused_and_nothing_is_dropped(self, place: Place) -> None:
        async with writing(place, outbox_max_bytes=5000) as (database, writer):
            writer.call_started(started("c1", place.key_id))
            await writer.flush(timeout_s=SLOW_S)
            assert writer.accepting
            await place.stop()
            for seq in range(40):
                writer.turn(turn("c1", seq))
            await eventually(lambda: writer.acknowledged("c1") == 39)
            await eventually(lambda: not writer.accepting)
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert writer.accepting
            assert len(await stored(database)) == 40

    async def test_past_its_age_new_calls_are_refused(self, place: Place) -> None:
        async with writing(place, outbox_max_age_s=0.2) as (_, writer):
            await place.stop()
            writer.call_started(started("c1", place.key_id))
            await eventually(place.segments)
            await eventually(lambda: not writer.accepting)
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert writer.accepting


class BrokenDisk(OutboxFolders):
    """Refuses or holds up what is appended, as long as it is told to."""

    def __init__(self, settings: StorageSettings) -> None:
        super().__init__(settings)
        self.full = False
        self.answers = threading.Event()
        self.answers.set()

    def append(self, records: Sequence[bytes]) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.answers.wait(20)
        super().append(records)


class TestDisk:
    async def test_a_full_disk_is_loud_and_costs_no_call_a_word(
        self, place: Place, caplog: pytest.LogCaptureFixture
    ) -> None:
        disk = BrokenDisk(place.settings())
        failures = FAILURES._value.get()
        async with writing(place, lambda _: disk) as (database, writer):
            writer.call_started(started("c1", place.key_id))
            await writer.flush(timeout_s=SLOW_S)
            await place.stop()
            disk.full = True
            for seq in range(10):
                writer.turn(turn("c1", seq))
            await eventually(lambda: not writer.accepting)
            assert FAILURES._value.get() > failures
            assert "enospc" in caplog.text
            assert CANARY not in caplog.text
            assert writer.acknowledged("c1") == -1
            disk.full = False
            await eventually(lambda: writer.acknowledged("c1") == 9)
            await eventually(lambda: writer.accepting)
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert await stored(database) == [("c1", seq) for seq in range(10)]

    async def test_with_a_full_disk_a_database_that_returns_is_enough(self, place: Place) -> None:
        disk = BrokenDisk(place.settings())
        disk.full = True
        async with writing(place, lambda _: disk) as (database, writer):
            await place.stop()
            writer.call_started(started("c1", place.key_id))
            writer.turn(turn("c1", 0))
            await eventually(lambda: not writer.accepting)
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert writer.accepting
            assert await stored(database) == [("c1", 0)]

    async def test_a_disk_that_hangs_stops_nothing_and_what_it_took_late_is_stored_once(self, place: Place) -> None:
        disk = BrokenDisk(place.settings())
        async with writing(place, lambda _: disk, outbox_timeout_s=0.1) as (database, writer):
            await place.stop()
            disk.answers.clear()
            writer.call_started(started("c1", place.key_id))
            writer.turn(turn("c1", 0))
            await eventually(lambda: not writer.accepting)
            disk.answers.set()
            await eventually(lambda: writer.acknowledged("c1") == 0)
            await place.start()
            await writer.flush(timeout_s=SLOW_S)
            assert await stored(database) == [("c1", 0)]

    async def test_only_what_can_be_put_nowhere_at_the_very_end_is_lost_and_counted(self, place: Place) -> None:
        disk = BrokenDisk(place.settings())
        disk.full = True
        lost = LOST._value.get()
        async with writing(place, lambda _: disk, writer_close_timeout_s=0.1) as (_, writer):
            await place.stop()
            writer.call_started(started("c1", None))
        assert LOST._value.get() == lost + 1


class TestFolders:
    """Without a database: who owns which files, and what is left of them."""

    @pytest.fixture
    def settings(self, data_dir: Path) -> StorageSettings:
        return StorageSettings(data_dir=data_dir, outbox_segment_bytes=1)

    def opened(self, settings: StorageSettings) -> OutboxFolders:
        folders = OutboxFolders(settings)
        folders.open()
        return folders

    def left_behind(self, settings: StorageSettings, count: int = 3) -> list[Path]:
        """Segments of one record each, whose process has ended."""
        folders = self.opened(settings)
        for seq in range(count):
            folders.append(encoded(turn("c1", seq)))
        folders.close()
        return sorted((settings.data_dir / "outbox").glob("*/*.seg"))

    def seqs(self, folders: OutboxFolders) -> list[int]:
        """Empties the outbox."""
        seqs = []
        while (found := folders.oldest()) is not None:
            segment, records, damaged = found
            seqs += [record.seq for record in records if isinstance(record, Turn)]
            folders.remove(segment, keep=damaged > 0)
        return seqs

    def test_what_a_living_process_writes_is_nobody_elses(self, settings: StorageSettings) -> None:
        first, second = self.opened(settings), self.opened(settings)
        first.append(encoded(turn("c1", 0)))
        second.adopt()
        assert (first.rows, second.rows) == (1, 0)
        first.close()
        second.adopt()
        assert second.rows == 1
        third = self.opened(settings)
        assert third.rows == 0
        assert self.seqs(second) == [0]
        second.close()
        third.close()
        assert [path.name for path in (settings.data_dir / "outbox").iterdir()] == ["lock"]

    def test_an_adopted_outbox_keeps_its_order_and_comes_before_ones_own(self, settings: StorageSettings) -> None:
        assert len(self.left_behind(settings, 12)) == 12
        folders = self.opened(settings)
        folders.append(encoded(turn("c1", 12)))
        assert folders.rows == 13
        assert self.seqs(folders) == list(range(13))
        folders.close()

    def test_a_torn_tail_is_cut_and_the_rest_is_stored(self, settings: StorageSettings) -> None:
        segments = self.left_behind(settings)
        with segments[-1].open("r+b") as file:
            file.truncate(segments[-1].stat().st_size - 1)
        with segments[0].open("ab") as file:
            file.write(segments[1].read_bytes()[60:90])
        folders = self.opened(settings)
        assert folders.rows == 2
        assert not segments[-1].exists()
        assert self.seqs(folders) == [0, 1]
        folders.close()

    def test_a_file_that_was_only_begun_is_removed(self, settings: StorageSettings) -> None:
        segments = self.left_behind(settings)
        segments[0].write_bytes(segments[0].read_bytes()[:20])
        segments[1].write_bytes(b"")
        folders = self.opened(settings)
        assert self.seqs(folders) == [2]
        folders.close()

    def test_damage_is_set_aside_and_the_rest_of_the_file_is_stored(self, data_dir: Path) -> None:
        settings = StorageSettings(data_dir=data_dir)
        (segment,) = self.left_behind(settings)
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 1
        segment.write_bytes(data)
        folders = self.opened(settings)
        assert self.seqs(folders) == [0, 2]
        assert folders.oldest() is None
        folders.close()
        assert {path.name for path in segment.parent.iterdir()} == {f"{segment.stem}.damaged", "lock"}
        assert self.seqs(self.opened(settings)) == []

    async def test_damage_is_counted(self, data_dir: Path) -> None:
        settings = StorageSettings(data_dir=data_dir)
        (segment,) = self.left_behind(settings)
        data = bytearray(segment.read_bytes())
        data[len(data) // 2] ^= 1
        segment.write_bytes(data)
        before = DAMAGED._value.get()
        async with Outbox(settings) as outbox:
            parcel = await outbox.oldest()
            assert parcel is not None
            await outbox.discard(parcel)
            assert outbox.empty
        assert DAMAGED._value.get() == before + 1

    def test_a_symbolic_link_is_not_written_through(self, settings: StorageSettings, tmp_path: Path) -> None:
        folders = self.opened(settings)
        own = next(path for path in (settings.data_dir / "outbox").iterdir() if path.is_dir())
        (own / "00000001.seg").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OSError, match="exists"):
            folders.append(encoded(turn("c1", 0)))
        folders.append(encoded(turn("c1", 1)))
        assert not (tmp_path / "elsewhere").exists()
        folders.close()


class TestKey:
    def test_the_key_is_made_once(self, data_dir: Path) -> None:
        settings = StorageSettings(data_dir=data_dir)
        assert prepare_outbox(settings) == data_dir.resolve() / "outbox"
        key = (data_dir / "data.key").read_text()
        prepare_outbox(settings)
        assert (data_dir / "data.key").read_text() == key
        assert len(base64.b64decode(key)) == 32

    def test_a_key_of_the_operators_is_kept_nowhere(self, data_dir: Path) -> None:
        key = base64.b64encode(os.urandom(32)).decode()
        prepare_outbox(StorageSettings.model_validate({"data_dir": data_dir, "data_key": key}))
        assert not (data_dir / "data.key").exists()

    @pytest.mark.parametrize("key", ["short", base64.b64encode(bytes(31)).decode(), "ü" * 44])
    def test_a_key_of_the_wrong_form_is_named_and_not_shown(self, data_dir: Path, key: str) -> None:
        settings = StorageSettings.model_validate({"data_dir": data_dir, "data_key": key})
        with pytest.raises(StorageError, match="DATA_KEY") as caught:
            prepare_outbox(settings)
        assert key not in str(caught.value)

    async def test_with_another_key_the_server_does_not_start_over_text_it_cannot_read(self, data_dir: Path) -> None:
        settings = StorageSettings(data_dir=data_dir)
        async with Outbox(settings) as outbox:
            await outbox.append(encoded(turn("c1", 0)))
        other = base64.b64encode(os.urandom(32)).decode()
        with pytest.raises(StorageError, match="another DATA_KEY"):
            await Outbox(StorageSettings.model_validate({"data_dir": data_dir, "data_key": other})).__aenter__()
        async with Outbox(settings) as outbox:
            assert outbox.rows == 1

    def test_a_data_dir_that_cannot_be_used_is_named(self, data_dir: Path) -> None:
        data_dir.write_text("a file")
        with pytest.raises(StorageError, match="DATA_DIR"):
            prepare_outbox(StorageSettings(data_dir=data_dir))
