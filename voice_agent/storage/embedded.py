"""Runs Postgres as a child of this process, for installations without a database server of their own.

Several processes may share one embedded database: whoever gets the lock runs Postgres, the others connect, and when
the owner ends, one of them takes over. What is under way at that moment fails with a connection error. Killed
Postgres processes are started again at once.

Access is governed by the 0700 socket folder alone (there is no TCP port and no password), so the database's user
should be used for nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from voice_agent.settings import StorageSettings
from voice_agent.storage.binaries import find_binaries, reachable_binaries
from voice_agent.storage.child import Child
from voice_agent.storage.cluster import Cluster
from voice_agent.storage.errors import StorageError

logger = logging.getLogger(__name__)

USER = "postgres"
DATABASE = "postgres"
PORT = 5432
"""Part of the socket's name only."""

_PROBE_S = 0.05
_PROBE_TIMEOUT_S = 2
_TAKEOVER_S = 0.2
_FIRST_RESTART_S = 0.05
_STABLE_S = 10
"""Having run for this long, the next restart waits as briefly as the first."""

_INITDB_OPTIONS = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8")
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # below the data folder, where a sandbox lets it write
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "jit": "off",
    # What callers said must not reach the log: neither statements nor the values in error details.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class EmbeddedPostgres:
    """An async context: inside it, the database answers or is being brought back."""

    def __init__(self, settings: StorageSettings) -> None:
        """Raises StorageError."""
        self._settings = settings
        self._cluster = Cluster(settings)
        self._child: Child | None = None
        self._failure: StorageError | None = None
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def directory(self) -> Path:
        """Everything is written below it; normally `DATA_DIR/postgres`."""
        return self._cluster.directory

    @property
    def host(self) -> str:
        """The socket's folder, as asyncpg takes it."""
        return self._cluster.host

    @property
    def pid(self) -> int | None:
        """Postgres' process, if this process runs it."""
        return self._child.pid if self._child is not None and self._child.running else None

    async def __aenter__(self) -> Self:
        """Returns when the database answers. Raises StorageError when it does not in DATABASE_START_TIMEOUT_S."""
        self._cluster.prepare()
        if self._cluster.moved:
            logger.warning("DATA_DIR is out of reach for the database's user: the database is in DATA_DIR_FALLBACK")
        self._supervisor = asyncio.create_task(self._supervise(), name="embedded-postgres")
        try:
            await self._ready()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _ready(self) -> None:
        seconds = self._settings.database_start_timeout_s
        if not self._cluster.data.exists():
            seconds += self._settings.postgres_init_timeout_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._failure is None:
                    if await self._answers():
                        return
                    await asyncio.sleep(_PROBE_S)
        raise self._failure or StorageError(f"The embedded database does not answer: see {self._cluster.log}.")

    async def _answers(self) -> bool:
        try:
            connection = await asyncpg.connect(
                host=self.host, port=PORT, user=USER, database=DATABASE, ssl=False, timeout=_PROBE_TIMEOUT_S
            )
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        connection.terminate()
        return True

    async def _supervise(self) -> None:
        """Becomes the owner as soon as the lock is free, and then keeps Postgres running."""
        loop = asyncio.get_running_loop()
        delay_s = _FIRST_RESTART_S
        while True:
            try:
                while not self._cluster.try_lock():  # noqa: ASYNC110 - the holder is another process
                    await asyncio.sleep(_TAKEOVER_S)
                begun = loop.time()
                self._child = await self._start()
                code = await self._child.wait()
            except (OSError, StorageError) as error:
                self._failure = error if isinstance(error, StorageError) else StorageError(str(error))
                logger.error("The embedded database cannot be started")
                begun = loop.time()
            else:
                logger.warning("The embedded database ended with code %d and is started again", code)
            delay_s = _FIRST_RESTART_S if loop.time() - begun > _STABLE_S else delay_s
            await asyncio.sleep(delay_s)
            delay_s = min(delay_s * 2, self._settings.postgres_restart_max_s)

    async def _start(self) -> Child:
        cluster, settings = self._cluster, self._settings
        binaries = await asyncio.to_thread(find_binaries, settings.postgres_bin, cluster.data)
        if cluster.account is not None:
            binaries = await asyncio.to_thread(reachable_binaries, binaries, cluster.programs, cluster.account)
        if not cluster.data.exists():
            await self._create(binaries)
        options = _OPTIONS | {
            "unix_socket_directories": cluster.server_socket_folder,
            "shared_buffers": f"{settings.postgres_buffers_mb}MB",
            "max_connections": str(settings.postgres_connections),
        }
        arguments = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return self._launch([str(binaries / "postgres"), "-D", str(cluster.data), *arguments])

    async def _create(self, binaries: Path) -> None:
        """Makes the cluster beside its place and renames it, so that a half-made one never looks complete."""
        cluster = self._cluster
        await asyncio.to_thread(shutil.rmtree, cluster.unfinished, ignore_errors=True)
        child = self._launch([str(binaries / "initdb"), "-D", str(cluster.unfinished), *_INITDB_OPTIONS])
        try:
            code = await child.wait(self._settings.postgres_init_timeout_s)
        except TimeoutError:
            raise StorageError("The embedded database was not created in POSTGRES_INIT_TIMEOUT_S.") from None
        finally:
            if child.running:
                await child.stop(timeout_s=self._settings.postgres_stop_timeout_s)
        if code != 0:
            raise StorageError(f"The embedded database could not be created: see {cluster.log}.")
        cluster.unfinished.rename(cluster.data)
        folder = os.open(cluster.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _launch(self, argv: list[str]) -> Child:
        lock_fd = self._cluster.lock_fd
        fresh = os.O_TRUNC if self._child is None else 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        output = os.open(self._cluster.log, flags | fresh, 0o600)
        try:
            return Child(
                argv,
                account=self._cluster.account,
                cwd=self._cluster.directory,
                output=output,
                keep=() if lock_fd is None else (lock_fd,),
            )
        finally:
            os.close(output)

    async def _stop(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        try:
            if supervisor is not None:
                supervisor.cancel()
                await asyncio.wait([supervisor])
            if self._child is not None:
                timeout_s = self._settings.postgres_stop_timeout_s
                await self._child.stop(signal.SIGINT, signal.SIGQUIT, timeout_s=timeout_s)
        finally:
            self._cluster.close()
        if supervisor is not None and not supervisor.cancelled():
            supervisor.result()
