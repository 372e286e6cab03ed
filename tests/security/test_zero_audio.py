"""After calls, neither side's sound is on a disk, in the database, a log or Redis. Searched for, not argued.

Two servers of their own are called over WebRTC and over the WebSocket with a canary under the speech (`canary.py`). The
first has local engines and what a server has by default, Landlock included; the second a provider that speaks with the
canary as well, a real Redis where the machine has one, and no Landlock, so that the code alone is put to the proof.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
import redis.asyncio
from aiohttp import ClientSession

from scripts.live_server import LiveServer, serving
from scripts.speech import silence, synthesize
from scripts.stub_audio import speech_like
from scripts.stub_provider import StubProvider
from scripts.stub_script import ReplyRule, Script
from tests.integration.conftest import eventually
from tests.live_caller import LiveCaller, calling, joined
from tests.security.canary import changed_files, hidden_in, in_file, marked
from voice_agent.settings import StorageSettings
from voice_agent.storage.crypto import load_key
from voice_agent.storage.outbox_segment import Segment
from voice_agent.storage.rows import Record

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
KEEPER = "signaling.keeper_process"
NO_LANDLOCK = os.pathsep.join([str(Path(__file__).parent / "no_landlock"), str(Path(__file__).parents[2])])
SHARED = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/var/lib/voice-agent"))
TOOLS = {".git", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
"""Folders of the tree that no server writes to, and that tools running beside the tests fill."""
WORDS = "Hello, my printer is offline, and I have to send a letter today."
LOUDNESS = 3000.0
AUDIO_BYTES_PER_S = 3_000
"""Of the thriftiest form in which it is worth keeping."""


@dataclass
class Evidence:
    """What was found of one server and its calls."""

    calls: int = 0
    caller_turns: int = 0
    heard: bytes = b""
    """What the agent said, 48 kHz."""
    agent_has_canary: bool = False
    seconds: float = 0
    """Of the caller's sound."""
    files: dict[str, str | None] = field(default_factory=dict)
    rows: str = ""
    log: str = ""
    redis: dict[bytes, bytes] | None = None
    writable: list[str] = field(default_factory=list)
    """What the server's processes had open for writing in the middle of a call, other than sockets and pipes."""
    written_bytes: int = 0
    """By the server's processes, for files."""


@pytest.fixture(scope="module", params=["local engines", "a provider"])
def evidence(request: pytest.FixtureRequest) -> Evidence:
    return asyncio.run(collected(request.param))


async def collected(mode: str) -> Evidence:
    found = Evidence()
    async with AsyncExitStack() as stack:
        settings: dict[str, str] = {"MEDIA_HOST": "127.0.0.1"}
        client: redis.asyncio.Redis | None = None
        if mode == "a provider":
            found.agent_has_canary = True
            stub = await stack.enter_async_context(speaking_provider())
            settings |= {"OPENAI_BASE_URL": stub.base_url, "OPENAI_API_KEY": "unused", "PYTHONPATH": NO_LANDLOCK}
            if (url := stack.enter_context(redis_server())) is not None:
                settings["REDIS_URL"] = url
                client = redis.asyncio.from_url(url)
                stack.push_async_callback(client.aclose)
        server = stack.enter_context(serving(**settings))
        key = await asyncio.to_thread(server.make_key)
        http = await stack.enter_async_context(ClientSession(headers={"Authorization": f"Bearer {key}"}))
        since = time.time()
        before = written(server)
        async with asyncio.TaskGroup() as calls:
            calls.create_task(call_by_webrtc(server, http, key, found))
            calls.create_task(call_by_websocket(server, http, found))
        await stored(server, 2)
        found.written_bytes = written(server) - before
        await server.rows("CHECKPOINT")
        found.calls = len(await server.rows("SELECT id FROM calls"))
        found.caller_turns = len(await server.rows("SELECT 1 FROM turns WHERE role = 'user'"))
        found.rows, found.log = await server.all_text(), server.log()
        if client is not None:
            found.redis = {name: await client.dump(name) or b"" async for name in client.scan_iter()}
        found.files = await asyncio.to_thread(searched, server, since)
    return found


@asynccontextmanager
async def speaking_provider() -> AsyncIterator[StubProvider]:
    def speech(text: str, speed: float) -> bytes:
        return marked(speech_like(text, 300, speed), 24_000)

    script = Script(replies=[ReplyRule("", "I am sorry to hear that. Let us look at your printer together now.")])
    async with StubProvider(script=script, speech=speech) as stub:
        yield stub


@contextmanager
def redis_server() -> Iterator[str | None]:
    """A Redis that stores nothing; None where the machine has none."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, cwd="/")
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)


async def call_by_webrtc(server: LiveServer, http: ClientSession, key: str, found: Evidence) -> None:
    pcm = marked(synthesize(WORDS, 48_000), 48_000, LOUDNESS)
    async with calling(server.url, http, key) as caller:
        speaking = asyncio.create_task(caller.microphone.say(pcm))
        await asyncio.sleep(len(pcm) / 96_000 / 2)
        found.writable = open_for_writing(server)
        await speaking
        await answered(caller)
        found.heard = joined(caller.heard)
    found.seconds += len(pcm) / 96_000


async def answered(caller: LiveCaller) -> None:
    await caller.until(lambda: any(e["response"]["status"] == "completed" for e in caller.of("response.done")), 40)
    await caller.event("output_audio_buffer.stopped", timeout_s=40)


async def call_by_websocket(
    server: LiveServer, http: ClientSession, found: Evidence, connected: Callable[[], None] = lambda: None
) -> None:
    pcm = marked(synthesize(WORDS, 24_000), 24_000, LOUDNESS)
    async with http.ws_connect(f"{server.url}/v1/realtime?model=helpdesk") as call, asyncio.timeout(60):
        assert (await call.receive_json())["type"] == "session.created"
        connected()
        sending = asyncio.create_task(sent_at_real_pace(call, pcm + silence(20_000, 24_000)))
        try:
            while (await call.receive_json())["type"] != "response.done":
                pass
        finally:
            sending.cancel()
            await asyncio.wait([sending])
    found.seconds += len(pcm) / 48_000


async def sent_at_real_pace(call: Any, pcm: bytes) -> None:
    for at in range(0, len(pcm), 4_800):
        audio = base64.b64encode(pcm[at : at + 4_800]).decode()
        await call.send_json({"type": "input_audio_buffer.append", "audio": audio})
        await asyncio.sleep(0.1)


async def stored(server: LiveServer, calls: int) -> None:
    async def all_ended() -> bool:
        try:
            return len(await server.rows("SELECT 1 FROM calls WHERE ended_at IS NOT NULL")) == calls
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False  # the database is coming back

    await eventually(all_ended, timeout_s=30)


def processes(server: LiveServer) -> list[psutil.Process]:
    """The server and its engines; not what runs the database."""
    this = psutil.Process(server.pid)
    return [this, *(child for child in this.children() if KEEPER not in child.cmdline())]


def written(server: LiveServer) -> int:
    return sum(each.io_counters().write_bytes for each in processes(server)) if os.geteuid() == 0 else 0


def open_for_writing(server: LiveServer) -> list[str]:
    if os.geteuid() != 0:
        return []
    found = []
    for process in processes(server):
        folder = Path(f"/proc/{process.pid}")
        for entry in (folder / "fd").iterdir():
            try:
                target = entry.readlink()
                flags = int((folder / "fdinfo" / entry.name).read_text().split("flags:")[1].split()[0], 8)
            except FileNotFoundError:
                continue  # closed since it was listed
            if target.is_absolute() and flags & os.O_ACCMODE != os.O_RDONLY:
                found.append(str(target))
    return found


def searched(server: LiveServer, since: float) -> dict[str, str | None]:
    """Every file written since, with the form in which the canary is in it."""

    def elsewhere(folder: Path) -> bool:
        return folder == server.folder or folder.name in TOOLS or (folder / "PG_VERSION").exists()

    files = {*changed_files([server.folder], since), *changed_files([ROOT, *SHARED], since, elsewhere)}
    return {str(path): found for path in files for found in [looked_at(path)]}


def looked_at(path: Path) -> str | None:
    try:
        return in_file(path)
    except FileNotFoundError:
        return None  # of another program, and gone since it was listed


def test_there_were_calls_in_which_both_sides_spoke(evidence: Evidence) -> None:
    assert evidence.calls == 2
    assert evidence.caller_turns >= 2
    assert evidence.seconds > 5
    assert len(evidence.heard) > 96_000


def test_no_file_holds_their_sound(evidence: Evidence) -> None:
    names = {path.rpartition("/")[2] for path in evidence.files}
    assert "log" in names, "the search must have seen the server's log"
    assert any("/postgres/data/pg_wal/" in path for path in evidence.files), "and what the database wrote"
    found = {path: form for path, form in evidence.files.items() if form is not None}
    # Rows of counters in the database's own shared memory, read as companded sound, can pass for a chord.
    by_chance = {path for path, form in found.items() if "/pg_dynshmem/" in path and form in ("A-law", "mu-law")}
    assert {path: form for path, form in found.items() if path not in by_chance} == {}


def test_no_row_of_the_database_holds_it(evidence: Evidence) -> None:
    assert evidence.rows.count("\n") > 5
    assert hidden_in(evidence.rows.encode()) is None


def test_no_line_of_the_log_holds_it(evidence: Evidence) -> None:
    assert hidden_in(evidence.log.encode()) is None


@pytest.mark.parametrize("evidence", ["a provider"], indirect=True)
def test_no_value_in_redis_holds_it(evidence: Evidence) -> None:
    if evidence.redis is None:
        pytest.skip("redis-server is not installed (python -m scripts.prepare_services installs it as root on Debian)")
    assert evidence.redis, "the server uses this Redis"
    assert {name: form for name, value in evidence.redis.items() if (form := hidden_in(value))} == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that has sealed its memory")
def test_in_a_call_nothing_but_the_log_and_the_outbox_is_open_for_writing(evidence: Evidence) -> None:
    assert evidence.writable, "the log at least"
    assert [name for name in evidence.writable if not re.fullmatch(r"/dev/null|.*/data/outbox/.*|.*/log", name)] == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into a process that has sealed its memory")
def test_less_is_written_than_any_recording_would_take(evidence: Evidence) -> None:
    assert evidence.written_bytes < evidence.seconds * AUDIO_BYTES_PER_S


def test_it_would_have_been_found_in_what_the_provider_said(evidence: Evidence) -> None:
    assert (hidden_in(evidence.heard) is not None) == evidence.agent_has_canary


async def test_what_waits_in_the_outbox_holds_words_and_no_sound() -> None:
    with serving() as server:
        key = await asyncio.to_thread(server.make_key)
        keeper = next(child for child in psutil.Process(server.pid).children() if KEEPER in child.cmdline())
        (postgres,) = keeper.children()

        def lose_the_database() -> None:
            keeper.suspend()  # so that it does not bring Postgres back
            postgres.kill()

        async with ClientSession(headers={"Authorization": f"Bearer {key}"}) as http:
            await call_by_websocket(server, http, Evidence(), lose_the_database)
        data = server.folder / "data"
        try:
            await eventually(lambda: any("CallEnded" in repr(record) for record in waiting(data)))
            records = repr(waiting(data))
        finally:
            keeper.resume()
        await stored(server, 1)
    assert "Turn(" in records
    assert hidden_in(records.encode()) is None


def waiting(data: Path) -> list[Record]:
    """The records in an outbox, decrypted; the files are only read, for they are another process' to change."""
    key = load_key(StorageSettings(data_dir=data))
    segments = [Segment(path, path.stat().st_size, 0, 0.0) for path in sorted(data.glob("outbox/*/*.seg"))]
    return [record for segment in segments for record in segment.read(key)[0]]
