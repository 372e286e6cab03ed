"""Several server processes on one port, with a real Redis between them: any of them serves every call."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientError, ClientSession, WSServerHandshakeError

from scripts.live_server import LiveServer, serving
from tests.integration.conftest import eventually
from tests.integration.services import free_ports, redis_server
from tests.integration.test_resume import Line, hang_up, refusal, text_call
from tests.live_caller import calling
from voice_agent.records import Turn
from voice_agent.settings import StorageSettings
from voice_agent.storage.outbox_folder import OutboxFolders
from voice_agent.storage.outbox_records import encode_record
from voice_agent.storage.rows import Record

FAILOVER_S = 5.0


@pytest.fixture(scope="module")
def base_port() -> int:
    return free_ports(2)


@pytest.fixture(scope="module")
def server(base_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with (
        redis_server(tmp_path_factory.mktemp("redis")) as redis_url,
        serving(WORKERS="2", REDIS_URL=redis_url, PRIVATE_BASE_PORT=str(base_port)) as started,
    ):
        yield started


@pytest.fixture(scope="module")
def key(server: LiveServer) -> str:
    return server.make_key()


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[ClientSession]:
    # As a browser that has opened the page at the shared port, whichever process its connection leads to.
    headers = {"Origin": server.url, "Host": server.url.removeprefix("http://")}
    async with ClientSession(headers=headers) as session, asyncio.timeout(120):
        yield session


class Worker:
    """One of the processes, reached by its own address; it judges as if it had been called by the shared one."""

    def __init__(self, server: LiveServer, port: int) -> None:
        self.server = LiveServer(f"http://127.0.0.1:{port}", server.pid, server.folder, server.environment)
        self.url = self.server.url
        self._port = port

    def process(self) -> psutil.Process:
        for child in psutil.Process(self.server.pid).children():
            ports = [each.laddr.port for each in child.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
            if self._port in ports:
                return child
        raise AssertionError("nobody listens there")

    async def is_up(self, http: ClientSession) -> bool:
        try:
            async with http.get(f"{self.url}/readyz") as answer:
                return answer.status == 200
        except ClientError:
            return False


@pytest.fixture
async def workers(server: LiveServer, base_port: int, http: ClientSession) -> list[Worker]:
    both = [Worker(server, base_port), Worker(server, base_port + 1)]
    for worker in both:
        await eventually(lambda worker=worker: worker.is_up(http))
    return both


def token_of(line: Line) -> str:
    return str([event["resume_token"] for event in line.seen if event["type"] == "agent.session"][-1])


async def known(http: ClientSession, worker: Worker, call_id: str, key: str) -> None:
    """Returns when another process has been told of the call: within moments, but not with its first event."""

    async def attaches() -> bool:
        try:
            async with http.ws_connect(
                f"{worker.url}/v1/realtime?call_id={call_id}", headers={"Authorization": f"Bearer {key}"}
            ):
                return True
        except WSServerHandshakeError:
            return False

    await eventually(attaches)


async def test_a_side_channel_and_the_hang_up_reach_a_call_of_another_process(
    workers: list[Worker], http: ClientSession, key: str
) -> None:
    here, there = workers
    async with calling(here.url, http, key) as caller:
        await known(http, there, caller.call_id, key)
        address = f"{there.url}/v1/realtime?call_id={caller.call_id}"
        async with http.ws_connect(address, headers={"Authorization": f"Bearer {key}"}) as side:
            line = Line(side)
            await line.until("session.created")
            await side.send_json({"type": "session.update", "session": {"type": "realtime", "instructions": "Rhyme."}})
            told: dict[str, Any] = await caller.event("session.updated")
            assert told["session"]["instructions"] == "Rhyme."
            assert await hang_up(there.server, http, caller.call_id, "sk-" + "x" * 40) == 401
            assert await hang_up(there.server, http, caller.call_id, key) == 200
            assert (await line.until("agent.ended"))["reason"] == "hangup"


async def test_a_guest_comes_back_by_any_process_to_the_one_that_has_the_call(
    workers: list[Worker], http: ClientSession
) -> None:
    here, there = workers
    async with text_call(here.server, http, await here.server.guest_secret(http)) as line:
        await line.say("My printer is offline")
        ids, token = line.item_ids(), token_of(line)
        line.lose()

    async def comes_back() -> bool:
        try:
            async with text_call(there.server, http, token) as line:
                assert [item["role"] for item in await line.history(ids)] == ["user", "assistant"]
                return True
        except WSServerHandshakeError:
            return False

    await eventually(comes_back)


async def report_of(http: ClientSession, worker: Worker, call_id: str, token: str) -> dict[str, Any]:
    """The report, once it is there."""
    found: list[dict[str, Any]] = []

    async def made() -> bool:
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{worker.url}/v1/calls/{call_id}/report", headers=headers) as answer:
            if answer.status == 200:
                found.append(await answer.json())
            return answer.status == 200

    await eventually(made)
    return found[0]


async def test_the_report_of_a_call_is_had_from_any_process_a_guests_from_memory_too(
    server: LiveServer, workers: list[Worker], http: ClientSession, key: str
) -> None:
    here, there = workers
    for token in (await here.server.guest_secret(http), key):
        async with text_call(here.server, http, token) as line:
            await line.say("My printer is offline")
            call_id = next(str(event["call_id"]) for event in line.seen if event["type"] == "agent.session")
        report = await report_of(http, there, call_id, token)
        assert [turn["text"] for turn in report["transcript"] if turn["role"] == "user"] == ["My printer is offline"]
        assert report["section"]["kind"] == "helpdesk"
        stored = await server.rows("SELECT call_id FROM reports WHERE call_id = $1", call_id)
        assert len(stored) == (token == key)
        headers = {"Authorization": f"Bearer {token}"}
        async with http.delete(f"{there.url}/v1/calls/{call_id}", headers=headers) as answer:
            assert answer.status == 200
        async with http.get(f"{there.url}/v1/calls/{call_id}/report", headers=headers) as answer:
            assert answer.status in {404, 410}


@contextmanager
def left_behind(server: LiveServer, *records: Record) -> Iterator[None]:
    """These records are in the outbox of a process that ends with this context, as in an outage of the database."""
    folders = OutboxFolders(StorageSettings(_env_file=None, data_dir=server.folder / "data"))
    folders.open()
    try:
        folders.append([encode_record(record) for record in records])
        yield
    finally:
        folders.close()


async def test_clients_of_a_killed_process_go_on_with_another_one(
    server: LiveServer, workers: list[Worker], http: ClientSession, key: str
) -> None:
    here, there = workers
    async with text_call(here.server, http, key) as line:
        first = await line.say("My printer is offline")
        token = token_of(line)

        async def acknowledged() -> bool:
            return bool(await server.rows("SELECT call_id FROM turns WHERE heard = $1", first))

        await eventually(acknowledged)
        ((call_id,),) = [row.values() for row in await server.rows("SELECT call_id FROM turns WHERE heard = $1", first)]
        loop = asyncio.get_running_loop()
        unstored = "It is on the second floor"
        with left_behind(server, Turn(call_id, 3, "user", "text", unstored, unstored, 2000, 2000)):
            here.process().send_signal(signal.SIGKILL)
            killed = loop.time()
            await line.cut()
    async with text_call(there.server, http, token) as line:
        assert (await line.until("agent.session"))["resumed"] is True
        assert loop.time() - killed < FAILOVER_S
        answer = await line.say("No, it is not")
        assert answer != first
    stored = await server.rows("SELECT role, heard FROM turns WHERE call_id = $1 ORDER BY seq", call_id)
    assert [turn["heard"] for turn in stored[:3]] == ["My printer is offline", first, unstored]

    async def gone_on() -> bool:
        turns = await server.rows("SELECT heard FROM turns WHERE call_id = $1 ORDER BY seq", call_id)
        return [turn["heard"] for turn in turns[3:]] == ["No, it is not", answer]

    await eventually(gone_on)
    await eventually(lambda: here.is_up(http))


async def test_a_guests_call_ends_with_its_process(workers: list[Worker], http: ClientSession) -> None:
    here, there = workers
    async with text_call(here.server, http, await here.server.guest_secret(http)) as line:
        token = (await line.until("agent.session"))["resume_token"]
        here.process().send_signal(signal.SIGKILL)
        await line.cut()
    assert await refusal(there.server, http, token) == (401, "invalid_resume_token")
    await eventually(lambda: here.is_up(http))


def serve_two(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")}
    return subprocess.run(
        [sys.executable, "-c", "from signaling.cli import main; raise SystemExit(main(['serve', '--workers', '2']))"],
        cwd=folder,
        env=environment | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_more_than_one_process_without_a_redis_is_one_clear_line(tmp_path: Path) -> None:
    done = serve_two(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == ["voice-agent cannot start: more than one worker needs REDIS_URL."]


def test_a_port_in_use_is_said_once_and_not_by_each_process(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve_two(
            tmp_path, PORT=str(port), REDIS_URL="redis://127.0.0.1:1", DATABASE_URL="postgresql:///nowhere"
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        f"voice-agent cannot start: port {port} is in use. Choose another one with PORT."
    ]


def test_a_process_that_cannot_start_ends_them_all_with_its_reason(tmp_path: Path) -> None:
    done = serve_two(
        tmp_path,
        PORT="0",
        REDIS_URL="redis://127.0.0.1:1",
        DATABASE_URL="postgresql://127.0.0.1:1/nowhere",
        DATABASE_START_TIMEOUT_S="0.5",
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "check DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr
