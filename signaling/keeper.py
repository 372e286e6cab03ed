"""Runs the embedded database for a server that may write nothing: in a process of its own, started before Landlock.

To the server the database is then one at a URL. The keeper process (`keeper_process.py`) starts Postgres again when it
is killed, and ends with the server, however that ends. The server cannot start another keeper, because whatever it
starts inherits its restriction: without its keeper it can only drain (`serve.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Self
from urllib.parse import quote

from pydantic import SecretStr

from voice_agent.settings import Settings, StorageSettings
from voice_agent.storage import embedded
from voice_agent.storage.cluster import Cluster
from voice_agent.storage.errors import StorageError

_MODULE = "signaling.keeper_process"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ")
_NOT_SENT = frozenset({"database_url", "redis_url", "data_key", "rate_limit_key"})
_STOP_STEPS = 3
"""Signals that Postgres is sent at worst, each given POSTGRES_STOP_TIMEOUT_S."""


class DatabaseKeeper:
    """The handle in the server: the process starts with it, before the server restricts itself; then an async context.

    Inside the context the database answers or is being brought back, until `gone` returns.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises StorageError and OSError."""
        self._storage = settings.storage
        self._cluster = Cluster(settings.storage)
        # A session of its own: Ctrl-C and a service manager's TERM are for the server, which ends the keeper last.
        self._process = subprocess.Popen(  # noqa: S603 - this Python, with fixed arguments
            [sys.executable, "-P", "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={name: os.environ[name] for name in _INHERITED if name in os.environ},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        start = {
            "log": {"log_level": settings.server.log_level, "log_format": settings.server.log_format},
            "storage": settings.storage.model_dump(mode="json", exclude=set(_NOT_SENT)),
        }
        self._process.stdin.write(json.dumps(start).encode() + b"\n")
        self._process.stdin.flush()
        self._said = asyncio.StreamReader()

    @property
    def pid(self) -> int:
        return self._process.pid

    def storage_settings(self) -> StorageSettings:
        """The server's own, with the database's URL in them."""
        return kept_database(self._storage, self._cluster)

    async def __aenter__(self) -> Self:
        """Returns when the database answers. Raises StorageError when the keeper gives up or ends."""
        self._said = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(self._said)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, self._process.stdout)
        try:
            # Without a deadline of our own: the keeper has those of its settings, and its end is noticed.
            line = await self._said.readline()
            if not line:
                raise StorageError("The process that runs the embedded database ended at its start.")
            failure = json.loads(line)["failure"]
            if failure is not None:
                raise StorageError(failure)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def gone(self) -> None:
        """Returns when the keeper has ended."""
        await self._said.read()

    async def _stop(self) -> None:
        self.discard()
        try:
            async with asyncio.timeout(_STOP_STEPS * self._storage.postgres_stop_timeout_s):
                await self.gone()
        except TimeoutError:
            self._process.kill()  # Postgres ends with it
        self._process.wait()
        self._cluster.close()

    def discard(self) -> None:
        """Asks the keeper to end and does not wait; for a server that never gets so far as to enter the context."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended, and what was not yet written does not matter
            self._process.stdin.close()


def kept_database(storage: StorageSettings, cluster: Cluster) -> StorageSettings:
    """The settings of whoever uses the database that a keeper runs; good for as long as `cluster` is not closed."""
    host = quote(cluster.host, safe="")
    url = f"postgresql://{embedded.USER}@/{embedded.DATABASE}?host={host}&port={embedded.PORT}&sslmode=disable"
    return storage.model_copy(update={"database_url": SecretStr(url)})
