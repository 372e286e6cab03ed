"""What was acknowledged is stored, once and in order, whatever is killed, stopped or frozen, and whenever.

The server, its database and the caller are processes of their own; faults come from outside.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse

from tests.faults.recording import words
from tests.faults.support import ROOT, Target, eventually, start_target, stop_target
from tests.integration.conftest import start_owner, stop_owner

LONG = bool(os.environ.get("LONG_TESTS"))
ROUNDS = 200 if LONG else 10
TIMEOUT_S = 60


class Postgres:
    """A database server that is there for tests to break."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._host = folder / "postgres" / "s"
        self.url = f"postgresql://postgres@/postgres?host={self._host}"
        self._owner: subprocess.Popen[str] | None = None
        self._frozen: list[psutil.Process] = []

    def start(self) -> None:
        """Whatever had been done to it."""
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []
        if self._owner is None:
            self._owner = start_owner(self.folder)

    def stop(self) -> None:
        owner, self._owner = self._owner, None
        if owner is not None:
            stop_owner(owner)

    def kill(self) -> None:
        """As the out-of-memory killer would; its supervisor brings it back."""
        for process in self._processes()[:1]:
            process.kill()

    def freeze(self) -> None:
        """Connections stay open, and nothing answers."""
        self._frozen = self._processes()
        for process in self._frozen:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def _processes(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(int((self.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0]))
            return [first, *first.children(recursive=True)]
        except (FileNotFoundError, IndexError, psutil.NoSuchProcess):
            return []

    async def rows(self, query: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.url, timeout=TIMEOUT_S)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()


@pytest.fixture
def postgres(server_root: Path) -> Iterator[Postgres]:
    postgres = Postgres(server_root / f"pg-{secrets.token_hex(4)}")
    postgres.start()
    yield postgres
    postgres.start()
    postgres.stop()


# --- random kills ---------------------------------------------------------------------------------------------------


def recording(postgres: Postgres, data_dir: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": postgres.url, "DATA_DIR": str(data_dir)}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.recording", *arguments], cwd=ROOT, env=environment, stdout=subprocess.PIPE
    )


def one_round(postgres: Postgres, data_dir: Path, name: str, chance: random.Random) -> dict[str, int]:
    """Lets a recorder run and kills it, with or without trouble of the database. Returns what was acknowledged."""
    postgres.start()
    process = recording(postgres, data_dir, "record", name)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        assert first == b"ready\n"
        life_s = chance.uniform(0.02, 1.2)
        trouble = chance.choice([None, postgres.kill, postgres.stop, postgres.freeze])
        trouble_after_s = chance.uniform(0, life_s)
        begun = time.monotonic()
        if trouble is not None:
            time.sleep(trouble_after_s)
            trouble()
        time.sleep(max(0.0, begun + life_s - time.monotonic()))
    finally:
        process.kill()
        said = process.stdout.read()
        process.wait()
        process.stdout.close()
    reached: dict[str, int] = {}
    for line in said.decode().splitlines():
        call_id, seq = line.split()
        reached[call_id] = int(seq)
    return reached


@pytest.mark.timeout(120 * ROUNDS)
async def test_what_was_acknowledged_before_a_kill_is_stored_once_and_in_order(
    postgres: Postgres, server_root: Path
) -> None:
    seed = random.SystemRandom().randrange(2**32) if LONG else 20260101
    print(f"seed {seed}")
    chance = random.Random(seed)
    data_dir = server_root / secrets.token_hex(4)
    acknowledged: dict[str, int] = {}
    for number in range(ROUNDS):
        acknowledged |= await asyncio.to_thread(one_round, postgres, data_dir, f"r{number}", chance)
    postgres.start()
    drain = recording(postgres, data_dir, "drain")
    assert await asyncio.to_thread(drain.wait, TIMEOUT_S) == 0

    assert list((data_dir / "outbox").glob("*/*")) == []
    stored: dict[str, list[int]] = {}
    for row in await postgres.rows("SELECT call_id, seq, text FROM turns ORDER BY created_at, call_id, seq"):
        assert row["text"] == words(row["call_id"], row["seq"])
        stored.setdefault(row["call_id"], []).append(row["seq"])
    for call_id, seqs in stored.items():
        assert seqs == list(range(len(seqs))), f"{call_id}: a turn is missing, twice there, or out of order"
    for call_id, reached in acknowledged.items():
        assert len(stored.get(call_id, [])) > reached, f"{call_id}: acknowledged to {reached}"
    assert len(acknowledged) >= ROUNDS


# --- calls under way ------------------------------------------------------------------------------------------------


class Chat:
    """A call by text over a WebSocket. The agent's words are scripted, so one exchange is two turns."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket

    async def exchange(self, text: str) -> str:
        """Says something and returns the agent's answer."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self._socket.send_json({"type": "conversation.item.create", "item": item})
        await self._socket.send_json({"type": "response.create", "response": {"output_modalities": ["text"]}})
        answer = ""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                event: dict[str, Any] = await self._socket.receive_json()
                if event["type"] == "response.output_text.delta":
                    answer += event["delta"]
                if event["type"] == "response.done":
                    return answer


@asynccontextmanager
async def chatting(target: Target) -> AsyncIterator[Chat]:
    async with target.client() as client, client.ws_connect("/v1/realtime?model=helpdesk") as socket:
        yield Chat(socket)


@contextlib.contextmanager
def serving(postgres: Postgres, folder: Path, **settings: str) -> Iterator[Target]:
    target = start_target(folder, DATABASE_URL=postgres.url, DATABASE_TIMEOUT_S="2", **settings)
    try:
        yield target
    finally:
        stop_target(target)


@pytest.fixture
def folder(server_root: Path) -> Path:
    return server_root / secrets.token_hex(4)


async def metrics(client: ClientSession) -> dict[str, float]:
    async with client.get("/metrics") as answer:
        samples = [line.rsplit(" ", 1) for line in (await answer.text()).splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in samples}


async def until(client: ClientSession, name: str, value: float) -> None:
    async def reached() -> bool:
        return (await metrics(client))[name] == value

    await eventually(reached, TIMEOUT_S)


async def ready(client: ClientSession) -> tuple[int, bool]:
    async with client.get("/readyz") as answer:
        return answer.status, (await answer.json())["checks"]["storage"]


async def until_refusing(client: ClientSession) -> None:
    async def refusing() -> bool:
        return await ready(client) == (503, False)

    await eventually(refusing, TIMEOUT_S)


async def said_by_the_caller(postgres: Postgres) -> list[str]:
    rows = await postgres.rows("SELECT text FROM turns WHERE role = 'user' ORDER BY call_id, seq")
    return [row["text"] for row in rows]


async def assert_stored_once(postgres: Postgres, exchanges: int) -> None:
    assert await said_by_the_caller(postgres) == [f"message {number}" for number in range(exchanges)]
    (counted,) = await postgres.rows("SELECT count(*), count(DISTINCT (call_id, seq)) AS one FROM turns")
    assert counted["count"] == counted["one"] == 2 * exchanges


@pytest.mark.parametrize("fault", ["stop", "kill", "freeze"])
async def test_a_call_goes_on_without_its_database_and_nothing_of_it_is_lost(
    postgres: Postgres, folder: Path, fault: str
) -> None:
    with serving(postgres, folder) as target:
        async with target.client() as client, chatting(target) as chat:
            assert await chat.exchange("message 0")
            await asyncio.to_thread(getattr(postgres, fault))
            for number in range(1, 6):
                assert await chat.exchange(f"message {number}")
            assert await ready(client) == (200, True)
            if fault != "kill":  # a killed one may be back already
                await until(client, "voice_writer_rows", 0)
                assert (await metrics(client))["voice_outbox_rows"] >= 10
                assert (await metrics(client))["voice_outbox_bytes"] > 0
                assert (await metrics(client))["voice_outbox_oldest_seconds"] > 0
            await asyncio.to_thread(postgres.start)
            assert await chat.exchange("message 6")
            await until(client, "voice_outbox_rows", 0)
            await until(client, "voice_writer_rows", 0)
            assert (await metrics(client))["voice_outbox_oldest_seconds"] == 0
    await assert_stored_once(postgres, 7)


async def test_a_server_killed_during_an_outage_brings_everything_after_its_restart(
    postgres: Postgres, folder: Path
) -> None:
    target = start_target(folder, DATABASE_URL=postgres.url)
    try:
        async with target.client() as client, chatting(target) as chat:
            assert await chat.exchange("message 0")
            await asyncio.to_thread(postgres.stop)
            for number in range(1, 4):
                assert await chat.exchange(f"message {number}")
            await until(client, "voice_writer_rows", 0)
            assert (await metrics(client))["voice_outbox_rows"] > 0
            target.process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(target.process.wait)
    finally:
        target.process.kill()
        target.process.wait()
    for path in (folder / "outbox").rglob("*.seg"):
        assert b"message" not in path.read_bytes()
    await asyncio.to_thread(postgres.start)
    with serving(postgres, folder) as again:
        async with again.client() as client:
            await until(client, "voice_outbox_rows", 0)
    await assert_stored_once(postgres, 4)


async def test_past_the_limit_new_calls_are_refused_and_running_ones_go_on(postgres: Postgres, folder: Path) -> None:
    with serving(postgres, folder, OUTBOX_MAX_BYTES="600") as target:
        async with target.client() as client, chatting(target) as chat:
            assert await chat.exchange("message 0")
            await asyncio.to_thread(postgres.stop)
            for number in range(1, 4):
                assert await chat.exchange(f"message {number}")
            await until(client, "voice_writer_rows", 0)
            assert await ready(client) == (503, False)
            assert await chat.exchange("message 4")
            await asyncio.to_thread(postgres.start)
            await until(client, "voice_outbox_rows", 0)
            assert await ready(client) == (200, True)
    await assert_stored_once(postgres, 5)


async def test_a_disk_that_takes_no_more_refuses_new_calls_and_the_call_goes_on(
    postgres: Postgres, folder: Path
) -> None:
    """The kernel refuses the server every write past the first bytes of a file, as a full disk would."""
    with serving(postgres, folder) as target:
        process = psutil.Process(target.process.pid)
        async with target.client() as client, chatting(target) as chat:
            assert await chat.exchange("message 0")
            await until(client, "voice_writer_rows", 0)
            await asyncio.to_thread(postgres.stop)
            process.rlimit(resource.RLIMIT_FSIZE, (64, resource.RLIM_INFINITY))
            for number in range(1, 4):
                assert await chat.exchange(f"message {number}")
            await until_refusing(client)
            seen = await metrics(client)
            assert seen["voice_outbox_failures_total"] > 0
            assert seen["voice_outbox_rows"] == 0
            assert seen["voice_writer_rows"] > 0
            process.rlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            await until(client, "voice_writer_rows", 0)
            assert await ready(client) == (200, True)
            assert await chat.exchange("message 4")
            await asyncio.to_thread(postgres.start)
            await until(client, "voice_outbox_rows", 0)
    await assert_stored_once(postgres, 5)
