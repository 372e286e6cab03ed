"""The command line from outside: a real server process with its embedded database and local engines, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSMsgType

from signaling.directory import CallDirectory, Owner
from signaling.serve import StopSignals, drain
from tests.integration.signaling_support import EchoSession
from voice_agent.settings import ServerSettings, Settings, TurnSettings

Process = asyncio.subprocess.Process
Start = Callable[..., Awaitable[Process]]
READY = b"voice-agent is ready: "


@pytest.fixture
async def start(tmp_path: Path, data_dir: Path) -> AsyncIterator[Start]:
    """`await start("serve", PORT="0")`: a process of ours with settings in its environment."""
    running: list[Process] = []

    async def launch(*words: str, **settings: str) -> Process:
        environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")
        }
        environment |= {"DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"} | settings
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "import sys; from signaling.cli import main; sys.exit(main())", *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
            cwd=tmp_path,
        )
        running.append(process)
        return process

    yield launch
    for process in running:
        if process.returncode is None:
            process.terminate()
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 20)
            except TimeoutError:
                process.kill()
                await process.wait()


async def url_of(process: Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        line = await process.stdout.readline()
    if not line.startswith(READY):
        assert process.stderr is not None
        pytest.fail((line + await process.stderr.read()).decode())
    return line.removeprefix(READY).decode().strip()


class TestServe:
    async def test_a_guest_calls_a_server_that_nobody_has_configured_and_it_ends_politely(self, start: Start) -> None:
        process = await start("serve", PORT="0", DRAIN_TIMEOUT_S="0")
        url = await url_of(process)
        async with ClientSession(url, headers={"Origin": url}) as client, asyncio.timeout(60):
            while (await client.get("/readyz")).status != 200:  # noqa: ASYNC110 - the state of another process
                await asyncio.sleep(0.2)  # Its loop may just have been kept waiting by a busy machine.
            assert (await client.get("/v1/models", headers={"Authorization": "Bearer sk-wrong"})).status == 401
            made = await client.post("/api/guest", json={"agent": "helpdesk", "consent": True})
            assert made.status == 200
            protocols = ("realtime", f"openai-insecure-api-key.{(await made.json())['value']}")
            async with client.ws_connect("/v1/realtime?greet=1", protocols=protocols) as call:
                assert (await _event(call))["type"] == "session.created"
                spoken = await _until(call, "response.output_audio.done")
                kinds = [event["type"] for event in spoken]
                assert "response.output_audio.delta" in kinds
                assert kinds.index("response.content_part.added") < kinds.index("response.output_audio.delta")
                process.send_signal(signal.SIGTERM)
                ended = await _until(call, "agent.ended")
                assert ended[-1]["reason"] == "shutdown"
                assert any(event["type"] == "response.output_audio.delta" for event in ended)
            assert await process.wait() == 0
        assert process.stderr is not None
        log = (await process.stderr.read()).decode()
        assert "Traceback" not in log
        assert "127.0.0.1" not in log

    async def test_a_port_in_use_is_one_clear_line(self, start: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            process = await start("serve", PORT=str(port))
            output, log = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 1
        assert output == b""
        assert f"port {port} is in use. Choose another one with PORT.".encode() in log
        assert b"Traceback" not in log

    async def test_a_wrong_setting_is_named_and_its_value_is_not_shown(self, start: Start) -> None:
        process = await start("serve", TURN_INTERRUPT_MIN_MS="hunter2")
        _, log = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 2
        assert b"TURN_INTERRUPT_MIN_MS" in log
        assert b"hunter2" not in log


class TestOtherCommands:
    async def test_the_console_talks_by_pipe(self, start: Start) -> None:
        process = await start("console", "helpdesk")
        output, log = await asyncio.wait_for(process.communicate(b"my printer is offline\n\nyes\n"), 60)
        assert process.returncode == 0, log.decode()
        replies = [line for line in output.decode().splitlines() if line.strip()]
        assert len(replies) >= 3
        assert "rinter" in " ".join(replies[1:])

    async def test_the_console_names_the_agents_there_are(self, start: Start) -> None:
        process = await start("console", "poet")
        _, log = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 1
        assert b"helpdesk" in log

    async def test_the_doctor_examines_everything_and_says_what_to_do(self, start: Start) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            process = await start("doctor", "--json", PORT=str(taken.getsockname()[1]), DEFAULT_AGENT="poet")
            output, _ = await asyncio.wait_for(process.communicate(), 100)
        findings = json.loads(output)
        by_check = {finding["check"]: finding for finding in findings}
        assert process.returncode == 1
        assert by_check["port"]["status"] == "warn"
        assert by_check["agents"]["status"] == "fail"
        assert "DEFAULT_AGENT" in by_check["agents"]["advice"]
        assert by_check["database"]["status"] == "ok"
        assert by_check["redis"]["status"] == "ok"
        assert all(finding["advice"] for finding in findings if finding["status"] != "ok")


class QuietTransport:
    speech = None

    def send_event(self, event: object) -> None:
        pass

    async def close(self) -> None:
        pass


def echo_in(directory: CallDirectory) -> EchoSession:
    transport: Any = QuietTransport()
    session = EchoSession(call_id=f"call_{directory.taken}", transport=transport)
    directory.start(session, transport, Owner("key_1"), directory.admit())
    return session


class TestDrain:
    def settings(self, drain_timeout_s: float) -> Settings:
        server = ServerSettings(drain_timeout_s=drain_timeout_s, close_timeout_s=0.2)
        return Settings(server=server, turns=TurnSettings(goodbye_timeout_s=0))

    async def test_calls_may_finish_within_the_time(self) -> None:
        settings = self.settings(30)
        directory = CallDirectory(settings.server, lambda: True)
        session = echo_in(directory)
        draining = asyncio.create_task(drain(directory, settings, asyncio.Event()))
        await asyncio.sleep(0)
        assert directory.draining
        session.end("hangup")
        await asyncio.wait_for(draining, 5)
        assert directory.taken == 0

    async def test_what_has_not_finished_is_ended(self) -> None:
        settings = self.settings(0.05)
        directory = CallDirectory(settings.server, lambda: True)
        echo_in(directory)
        await asyncio.wait_for(drain(directory, settings, asyncio.Event()), 5)
        assert directory.taken == 0

    async def test_a_call_that_will_not_end_is_cancelled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = self.settings(0.05)
        directory = CallDirectory(settings.server, lambda: True)
        session = echo_in(directory)
        monkeypatch.setattr(session, "end", lambda _reason: None)
        await asyncio.wait_for(drain(directory, settings, asyncio.Event()), 5)
        assert directory.taken == 0

    async def test_a_second_signal_ends_everything_at_once(self) -> None:
        settings = self.settings(3600)
        directory = CallDirectory(settings.server, lambda: True)
        echo_in(directory)
        stop = StopSignals()
        stop.received()
        assert not stop.now.is_set()
        stop.received()
        await asyncio.wait_for(drain(directory, settings, stop.now), 5)
        assert directory.taken == 0


async def _event(call: Any) -> dict[str, Any]:
    message = await call.receive()
    assert message.type is WSMsgType.TEXT, message
    event: dict[str, Any] = json.loads(message.data)
    return event


async def _until(call: Any, kind: str) -> list[dict[str, Any]]:
    events = [await _event(call)]
    while events[-1]["type"] != kind:
        events.append(await _event(call))
    return events
