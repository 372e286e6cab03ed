"""A server that serves cannot write files, its database recovers all the same, and it says so where it is not so."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from aiohttp import ClientSession

from scripts.live_server import LiveServer, serving
from tests.integration.conftest import eventually
from voice_agent.engines.local.worker import WorkerPool, WorkerSpec
from voice_agent.hardening import landlock
from voice_agent.settings import EngineSettings

needs_landlock = pytest.mark.skipif(landlock.supported() < 1, reason="this kernel has no Landlock")
NO_LANDLOCK = os.pathsep.join([str(Path(__file__).parent / "no_landlock"), str(Path(__file__).parents[2])])
SERVE = (sys.executable, "-c", "import sys; from signaling.cli import main; sys.exit(main())")
KEEPER = "signaling.keeper_process"
WORKERS = "voice_agent.engines.local.workers"


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that the database's user may enter, which pytest's own is not when tests run as root."""
    path = Path(tempfile.mkdtemp(prefix="voice-agent-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def status_of(process: psutil.Process) -> str:
    return Path(f"/proc/{process.pid}/status").read_text()


async def readiness(server: LiveServer) -> dict[str, Any]:
    async with ClientSession() as http, http.get(f"{server.url}/readyz") as answer:
        return {"http": answer.status, **(await answer.json())}


def children(server: LiveServer, module: str) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.pid).children() if module in child.cmdline()]


def keeper(server: LiveServer) -> psutil.Process:
    (found,) = children(server, KEEPER)
    return found


def postgres(server: LiveServer) -> psutil.Process:
    (found,) = keeper(server).children()
    return found


async def database_answers(server: LiveServer) -> bool:
    try:
        return bool(await server.rows("SELECT 1"))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


def over(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Shared. At its end nothing of it must be left."""
    with serving() as live:
        yield live
        ending = [keeper(live), postgres(live)]
    assert all(over(process) for process in ending)


@needs_landlock
class TestContained:
    async def test_it_says_that_it_is_and_the_local_engines_run_inside_too(self, server: LiveServer) -> None:
        ready = await readiness(server)
        assert (ready["http"], ready["checks"]["landlock"]) == (200, True)
        await eventually(lambda: len(children(server, WORKERS)) == 4)
        for process in (psutil.Process(server.pid), *children(server, WORKERS)):
            assert "NoNewPrivs:\t1" in status_of(process)
        assert "NoNewPrivs:\t0" in status_of(keeper(server))

    async def test_a_killed_postgres_is_back_soon_and_the_server_has_noticed_nothing(self, server: LiveServer) -> None:
        before = postgres(server)
        before.kill()
        await eventually(lambda: over(before))
        await eventually(lambda: database_answers(server))
        assert postgres(server).pid != before.pid
        assert server.make_key().startswith("sk-")
        assert (await readiness(server))["http"] == 200

    async def test_signals_that_reach_all_processes_leave_the_database_to_the_server(self, server: LiveServer) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            keeper(server).send_signal(number)
        await asyncio.sleep(0.5)
        assert await database_answers(server)

    async def test_postgres_ends_with_a_killed_server(self, place: Path) -> None:
        process, data = start(place)
        try:
            server = LiveServer("", process.pid, data.parent, {})
            ending = [keeper(server), postgres(server)]
        finally:
            process.kill()
            process.communicate()
        await eventually(lambda: all(over(each) for each in ending))

    async def test_without_its_keeper_it_drains_and_ends_as_failed_so_that_it_is_started_again(
        self, place: Path
    ) -> None:
        process, data = start(place)
        try:
            keeper(LiveServer("", process.pid, data.parent, {})).kill()
            _, log = await asyncio.to_thread(process.communicate, timeout=30)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 1
        assert "is gone: the server drains" in log
        assert "Traceback" not in log

    def test_a_database_that_cannot_be_started_is_one_clear_line(self, place: Path) -> None:
        done = run(place, POSTGRES_BIN="/nowhere")
        assert (done.returncode, done.stdout) == (1, "")
        assert "voice-agent cannot start: No Postgres programs were found" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_folder_that_cannot_be_used_is_one_clear_line(self, place: Path) -> None:
        (place / "file").write_bytes(b"")
        done = run(place, DATA_DIR=str(place / "file" / "data"))
        assert (done.returncode, done.stdout) == (1, "")
        assert "set DATA_DIR" in done.stderr
        assert "Traceback" not in done.stderr


@needs_landlock
async def test_an_engine_process_of_a_command_that_is_not_restricted_is_so_itself(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    spec = WorkerSpec("tests.security.writing_probe:Probe", {"path": str(kept)})
    pool = WorkerPool(spec, size=1, settings=EngineSettings(_env_file=None))
    try:
        async with pool.job() as job:
            assert await job.receive() == {"kept": [False, False]}
    finally:
        await pool.aclose()
    assert not kept.exists()


class TestWithoutLandlock:
    async def test_it_serves_and_says_so_at_start_and_in_its_readiness(self) -> None:
        with serving(PYTHONPATH=NO_LANDLOCK) as server:
            ready = await readiness(server)
            assert (ready["http"], ready["checks"]["landlock"]) == (200, False)
            assert 'level=warning logger=signaling.launch message="This kernel has no Landlock' in server.log()

    def test_it_does_not_start_where_landlock_is_required(self, place: Path) -> None:
        done = run(place, PYTHONPATH=NO_LANDLOCK, REQUIRE_LANDLOCK="true")
        assert (done.returncode, done.stdout) == (1, "")
        assert "this kernel has no Landlock, and REQUIRE_LANDLOCK is set." in done.stderr

    @pytest.mark.parametrize(("required", "status"), [("false", "warn"), ("true", "fail")])
    def test_the_doctor_says_so(self, place: Path, required: str, status: str) -> None:
        script = (
            "import asyncio\n"
            "from voice_agent.commands.doctor import check_audio_containment\n"
            "from voice_agent.settings import Settings\n"
            "async def main():\n"
            "    return [finding async for finding in check_audio_containment(Settings())]\n"
            "print(*((finding.status, finding.detail) for finding in asyncio.run(main())))\n"
        )
        environment = os.environ | {"PYTHONPATH": NO_LANDLOCK, "REQUIRE_LANDLOCK": required}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, cwd=place, check=True, capture_output=True, text=True
        )
        assert done.stdout.strip() == str((status, "this kernel has no Landlock"))


def environment_of(folder: Path, settings: dict[str, str]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "PYTHONPATH")}
    data = str(folder / "data")
    return inherited | {"DATA_DIR": data, "DATA_DIR_FALLBACK": data, "PORT": "0", "DRAIN_TIMEOUT_S": "0"} | settings


def run(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A server that ends by itself."""
    return subprocess.run(
        [*SERVE, "serve"],
        env=environment_of(folder, settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def start(folder: Path, **settings: str) -> tuple[subprocess.Popen[str], Path]:
    """A server that serves, and its DATA_DIR."""
    environment = environment_of(folder, settings)
    process = subprocess.Popen(
        [*SERVE, "serve"], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    if not process.stdout.readline().startswith("voice-agent is ready: "):
        process.kill()
        pytest.fail(process.communicate()[1])
    return process, Path(environment["DATA_DIR"])
