"""The embedded Postgres: sharing, crashes, stale files, root, unreachable and deep folders."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import uvloop

from tests.integration.conftest import eventually, start_owner, stop_owner
from voice_agent.settings import StorageSettings
from voice_agent.storage.binaries import find_binaries
from voice_agent.storage.database import Database
from voice_agent.storage.embedded import EmbeddedPostgres
from voice_agent.storage.errors import DatabaseUnavailable, StorageError
from voice_agent.storage.migrate import Migration

SCHEMA = [Migration(1, "notes", "CREATE TABLE notes (text text UNIQUE)")]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="changes users")


def open_database(data_dir: Path, **fields: object) -> Database:
    return Database(StorageSettings.model_validate({"data_dir": data_dir} | fields), migrations=SCHEMA)


def postgres_pid(database: Database) -> int:
    assert database.embedded is not None
    assert database.embedded.pid is not None
    return database.embedded.pid


def ended(pid: int) -> bool:
    """Whether it is gone; an orphan may stay a zombie where process 1 does not reap."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def add(database: Database, text: str) -> None:
    async with database.connection() as connection:
        await connection.execute("INSERT INTO notes VALUES ($1) ON CONFLICT DO NOTHING", text)


async def notes(database: Database) -> set[str]:
    async with database.connection() as connection:
        return {row["text"] for row in await connection.fetch("SELECT text FROM notes")}


async def answers(database: Database) -> bool:
    try:
        await notes(database)
    except DatabaseUnavailable:
        return False
    return True


@pytest.fixture
def bystander() -> Iterator[int]:
    """A living process of the database's user that has nothing to do with it."""
    name = next(user.pw_name for user in pwd.getpwall() if user.pw_name in {"postgres", "nobody"})
    user = name if os.geteuid() == 0 else None
    process = subprocess.Popen(["sleep", "60"], user=user, cwd="/")
    yield process.pid
    process.kill()
    process.wait()


async def test_rows_outlive_an_orderly_end(data_dir: Path) -> None:
    async with open_database(data_dir) as database:
        await add(database, "kept")
        pid = postgres_pid(database)
    assert ended(pid)
    async with open_database(data_dir) as database:
        assert await notes(database) == {"kept"}


async def test_a_killed_postgres_comes_back_with_every_committed_row(data_dir: Path) -> None:
    async with open_database(data_dir) as database:
        for round_number in range(3):
            await add(database, str(round_number))
            pid = postgres_pid(database)
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda pid=pid: ended(pid))
            await eventually(lambda: answers(database))
            # It answers a moment before its supervisor has seen that it does.
            await eventually(lambda: database.embedded is not None and database.embedded.pid is not None)
            assert postgres_pid(database) != pid
        assert await notes(database) == {"0", "1", "2"}


def test_it_runs_under_uvloop_as_well(data_dir: Path) -> None:
    async def kill_once() -> None:
        async with open_database(data_dir) as database:
            await add(database, "kept")
            pid = postgres_pid(database)
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda: ended(pid))
            await eventually(lambda: answers(database))
            assert await notes(database) == {"kept"}

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(kill_once())


async def test_a_second_process_connects_to_the_database_of_the_first(data_dir: Path) -> None:
    owner = start_owner(data_dir)
    async with open_database(data_dir) as one, open_database(data_dir) as two:
        assert one.embedded is not None
        assert one.embedded.pid is None
        await add(one, "shared")
        assert await notes(two) == {"shared"}
    stop_owner(owner)


async def test_when_the_owner_ends_the_others_get_a_clear_error_and_one_of_them_takes_over(data_dir: Path) -> None:
    owner = start_owner(data_dir)
    async with open_database(data_dir) as follower:
        await add(follower, "kept")

        async def long_query() -> None:
            async with follower.connection() as connection:
                await connection.execute("SELECT pg_sleep(60)", timeout=60)

        query = asyncio.create_task(long_query())
        await asyncio.sleep(0.1)
        await asyncio.to_thread(stop_owner, owner)
        with pytest.raises(DatabaseUnavailable):
            await query
        await eventually(lambda: answers(follower))
        assert postgres_pid(follower)
        assert await notes(follower) == {"kept"}


async def test_postgres_ends_with_a_killed_owner_and_the_next_process_starts_it_again(data_dir: Path) -> None:
    owner = start_owner(data_dir)
    pid = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    owner.kill()
    owner.wait()
    async with open_database(data_dir) as database:
        assert await answers(database)
        assert postgres_pid(database) != pid
        assert ended(pid)


async def test_pid_files_of_a_crashed_machine_do_not_matter_even_if_the_pid_lives(
    data_dir: Path, bystander: int
) -> None:
    async with open_database(data_dir) as database:
        await add(database, "kept")
        home = data_dir / "postgres"
        written = (home / "data" / "postmaster.pid").read_text().split("\n")
    stale = "\n".join([str(bystander), *written[1:]])
    (home / "data" / "postmaster.pid").write_text(stale)
    (home / "s" / ".s.PGSQL.5432.lock").write_text(stale)
    async with open_database(data_dir) as database:
        assert await notes(database) == {"kept"}


async def test_a_half_made_cluster_is_made_again(data_dir: Path) -> None:
    unfinished = data_dir / "postgres" / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    async with open_database(data_dir) as database:
        assert await answers(database)
    assert not unfinished.exists()


async def test_a_folder_too_deep_for_a_socket_path_works(data_dir: Path) -> None:
    deep = data_dir / ("deep" * 20) / ("deeper" * 20)
    async with open_database(deep) as one, open_database(deep) as two:
        await add(one, "far down")
        assert await notes(two) == {"far down"}


async def test_a_folder_with_a_comma_in_its_name_works(data_dir: Path) -> None:
    async with open_database(data_dir / "one,two") as database:
        assert await answers(database)


async def test_postgres_has_no_port_and_none_of_our_environment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    async with open_database(data_dir) as database:
        process = psutil.Process(postgres_pid(database))
        assert process.net_connections(kind="inet") == []
        assert "sk-canary" not in process.environ().values()


async def test_what_callers_said_never_reaches_the_log_of_postgres(data_dir: Path) -> None:
    async with open_database(data_dir) as database, database.connection() as connection:
        await connection.execute("INSERT INTO notes VALUES ($1)", "canary phrase")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO notes VALUES ($1)", "canary phrase")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO notes VALUES ('canary phrase')")
    log = (data_dir / "postgres" / "log").read_text()
    assert "duplicate key" in log
    assert "canary" not in log


async def test_programs_that_fail_are_reported_with_the_place_to_look(data_dir: Path) -> None:
    programs = data_dir / "bin"
    programs.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (programs / name).write_text("#!/bin/sh\nexit 3\n")
        (programs / name).chmod(0o755)
    with pytest.raises(StorageError, match=r"could not be created: see .*log"):
        async with open_database(data_dir, postgres_bin=str(programs)):
            pass


async def test_without_programs_the_settings_to_use_are_named(data_dir: Path) -> None:
    with pytest.raises(StorageError, match="set DATABASE_URL, or POSTGRES_BIN"):
        async with open_database(data_dir, postgres_bin="/nowhere"):
            pass


@needs_root
async def test_under_root_postgres_runs_as_another_user(data_dir: Path) -> None:
    async with open_database(data_dir, postgres_user="nobody") as database:
        uids = psutil.Process(postgres_pid(database)).uids()
    assert set(uids) == {pwd.getpwnam("nobody").pw_uid}
    async with open_database(data_dir) as database:
        assert set(psutil.Process(postgres_pid(database)).uids()) == {pwd.getpwnam("nobody").pw_uid}


@needs_root
async def test_below_a_folder_the_user_cannot_enter_the_programs_are_copied(data_dir: Path) -> None:
    install = find_binaries("", data_dir).parent
    locked = data_dir / "locked"
    package = install.parent
    shutil.copytree(install, locked / package.name / install.name, symlinks=True)
    shutil.copytree(f"{package}.libs", locked / f"{package.name}.libs")
    locked.chmod(0o700)
    programs = locked / package.name / install.name / "bin"
    for _ in range(2):
        async with open_database(data_dir, postgres_bin=str(programs)) as database:
            exe = Path(psutil.Process(postgres_pid(database)).exe())
        assert exe.is_relative_to(data_dir / "postgres" / "programs")
    assert len(list((data_dir / "postgres" / "programs").iterdir())) == 1


@needs_root
async def test_a_data_folder_the_user_cannot_enter_is_replaced_by_the_fallback(data_dir: Path) -> None:
    locked = data_dir / "locked"
    locked.mkdir(parents=True)
    locked.chmod(0o700)
    fallback = data_dir / "fallback"
    async with open_database(locked / "data", data_dir_fallback=fallback) as database:
        await add(database, "kept")
        assert database.embedded is not None
        assert database.embedded.directory.is_relative_to(fallback)
    async with open_database(locked / "data", data_dir_fallback=fallback) as database:
        assert await notes(database) == {"kept"}
    assert not (locked / "data").exists()


async def test_a_supervisor_that_cannot_start_leaves_neither_process_nor_lock(data_dir: Path) -> None:
    async with open_database(data_dir):
        pass
    broken = StorageSettings(data_dir=data_dir, postgres_buffers_mb=10**9, database_start_timeout_s=0.5)
    with pytest.raises(StorageError, match="does not answer: see"):
        async with EmbeddedPostgres(broken):
            pass
    async with open_database(data_dir) as database:
        assert await answers(database)
