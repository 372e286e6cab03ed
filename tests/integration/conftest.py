"""A real Postgres for the tests: one embedded cluster per session, run by a process of its own, a database per test."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from voice_agent.settings import StorageSettings
from voice_agent.storage.database import Database

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def storage_root() -> Iterator[Path]:
    """A folder that an unprivileged user can enter, which pytest's own (0700) is not when tests run as root."""
    path = Path(tempfile.mkdtemp(prefix="voice-agent-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session", autouse=True)
def no_database_outside(storage_root: Path) -> Iterator[None]:
    """Under root, a DATA_DIR below one of pytest's own folders moves here and not to the machine's /var/lib."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DATA_DIR_FALLBACK", str(storage_root / "fallback"))
        yield


@pytest.fixture(autouse=True)
def no_outbox_shared(storage_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a test names no DATA_DIR it gets one of its own, and so never what another test left in its outbox."""
    monkeypatch.setenv("DATA_DIR", str(storage_root / secrets.token_hex(4)))


@pytest.fixture
def data_dir(storage_root: Path) -> Path:
    """A fresh place for a test that needs a cluster of its own."""
    return storage_root / secrets.token_hex(4)


@pytest.fixture(scope="session")
def shared_data_dir(storage_root: Path) -> Iterator[Path]:
    """The session's cluster, up for as long as the tests run."""
    path = storage_root / "shared"
    owner = start_owner(path)
    yield path
    stop_owner(owner)


@pytest.fixture
async def database_url(shared_data_dir: Path) -> AsyncIterator[str]:
    """An empty database in the session's cluster."""
    name = f"test_{secrets.token_hex(6)}"
    host = shared_data_dir / "postgres" / "s"
    admin = await asyncpg.connect(host=str(host), user="postgres", database="postgres")
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={host}"
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
def storage_settings(database_url: str) -> StorageSettings:
    return StorageSettings.model_validate({"database_url": database_url})


@pytest.fixture
async def database(storage_settings: StorageSettings) -> AsyncIterator[Database]:
    """The schema, with nothing in it."""
    async with Database(storage_settings) as opened:
        yield opened


def start_owner(path: Path) -> subprocess.Popen[str]:
    """A process that runs the embedded database below `path` until its stdin is closed."""
    owner = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.postgres_owner", str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "ready\n"
    return owner


def stop_owner(owner: subprocess.Popen[str]) -> None:
    owner.communicate(timeout=30)


async def eventually(condition: object, *, timeout_s: float = 20) -> None:
    """Waits until `condition()`, or the awaitable it returns, is true; fails the test when it never is."""
    assert callable(condition)
    async with asyncio.timeout(timeout_s):
        while True:
            answer = condition()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return
            await asyncio.sleep(0.02)
