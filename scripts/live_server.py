"""A real server process for tests and benchmarks, with a database of its own, looked at only from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil
from aiohttp import ClientSession

from scripts.limits_off import LIMITS_OFF

_READY = "voice-agent is ready: "
_COMMAND = (sys.executable, "-c", "import sys; from signaling.cli import main; sys.exit(main())")
_INHERITED = ("PATH", "HOME", "LANG", "PYTHONPATH")
_STOP_TIMEOUT_S = 20
_KEY_TIMEOUT_S = 30
_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a process holds at one moment."""

    calls: int
    fds: int
    threads: int
    sockets: int
    children: int


@dataclass(frozen=True, slots=True)
class LiveServer:
    url: str
    pid: int
    folder: Path
    environment: dict[str, str]

    def make_key(self, *, operator: bool = False) -> str:
        """An API key, made while the server runs."""
        done = subprocess.run(
            [*_COMMAND, "keys", "create", "test", "--json", *(["--operator"] if operator else [])],
            cwd=self.folder,
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=_KEY_TIMEOUT_S,
        )
        return str(json.loads(done.stdout)["key"])

    async def guest_secret(self, http: ClientSession, agent: str = "helpdesk") -> str:
        """What our own page is given for one call; `http` must send the page's origin."""
        async with http.post(f"{self.url}/api/guest", json={"agent": agent, "consent": True}) as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["value"])

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """Asks the server's database directly."""
        connection = await asyncpg.connect(
            host=str(self.folder / "data" / "postgres" / "s"), user="postgres", database="postgres"
        )
        try:
            return [dict(row) for row in await connection.fetch(query, *arguments)]
        finally:
            await connection.close()

    async def all_text(self) -> str:
        """Everything that any table holds, as text."""
        tables = await self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        dump = [await self.rows(f'SELECT t::text AS row FROM "{table["tablename"]}" t') for table in tables]
        return "\n".join(row["row"] for rows in dump for row in rows)

    async def metrics(self, http: ClientSession) -> dict[str, float]:
        """Samples by name; those with labels as `name{labels}`."""
        async with http.get(f"{self.url}/metrics") as answer:
            text = await answer.text()
        return {
            f"{name}{{{labels}}}" if labels else name: float(value) for name, labels, value in _SAMPLE.findall(text)
        }

    async def holdings(self, http: ClientSession) -> Holdings:
        calls = (await self.metrics(http))["voice_calls_active"]
        process = psutil.Process(self.pid)
        with process.oneshot():
            sockets = [each for each in process.net_connections(kind="inet") if each.status != psutil.CONN_LISTEN]
            return Holdings(
                int(calls),
                process.num_fds(),
                process.num_threads(),
                len(sockets),
                len(process.children(recursive=True)),
            )

    def log(self) -> str:
        """What the server has logged so far."""
        return (self.folder / "log").read_text()


@contextlib.contextmanager
def serving(**settings: str) -> Iterator[LiveServer]:
    """A server on a free loopback port with these settings (names of environment variables), down at the end.

    It must end with 0 and without a traceback in its log.
    """
    # Not pytest's own folder: under root, the database's user could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="voice-agent-live-"))
    folder.chmod(0o711)
    environment = {name: value for name, value in os.environ.items() if name in _INHERITED}
    environment |= {
        "DATA_DIR": str(folder / "data"),
        "PORT": "0",
        "GUEST_LIMIT": "1000",
        "DRAIN_TIMEOUT_S": "0",
        **LIMITS_OFF,
        **settings,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [*_COMMAND, "serve"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    server = None
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(_READY), (line + (folder / "log").read_text())[-2000:]
        server = LiveServer(line.removeprefix(_READY).strip(), process.pid, folder, environment)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_STOP_TIMEOUT_S)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            log_text = (folder / "log").read_text()
            shutil.rmtree(folder, ignore_errors=True)
    assert process.returncode == 0
    assert "Traceback" not in log_text, log_text[-4000:]
