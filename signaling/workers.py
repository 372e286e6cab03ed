"""Several server processes that share one port: starts them, replaces those that die, ends them together.

The kernel gives each new connection to one of them (SO_REUSEPORT). They find each other's calls through Redis
(`registry.py`); this process takes no part in that, nor in any call. A process that was killed takes its calls with it:
their clients resume on another one. SIGTERM or SIGINT is passed on; a second one as well, and then nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys

from signaling.keeper import DatabaseKeeper
from signaling.listening import cannot_listen, ready_line
from voice_agent.settings import Settings
from voice_agent.storage.errors import StorageError

logger = logging.getLogger(__name__)

OPTION = "--as-worker"
"""How `serve` is told that it is one of these processes."""
_COMMAND = "from signaling.cli import main; raise SystemExit(main())"
_STABLE_S = 30
"""Having run for this long, the next restart waits as briefly as the first."""

Process = asyncio.subprocess.Process


class WorkerError(Exception):
    """A server process could not be started at all; it has said why."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code
        """Its exit code."""


async def supervise(settings: Settings, count: int, keeper: DatabaseKeeper | None) -> int:
    """Exit code: 0 after an orderly end; that of a process that could not start; 1 when the keeper is gone."""
    server = settings.server
    try:
        port = _Port(server.host, server.port)
    except OSError as error:
        if keeper is not None:
            keeper.discard()
        print(cannot_listen(error, server), file=sys.stderr)  # noqa: T201
        return 1
    try:
        async with keeper or contextlib.nullcontext():
            return await Supervisor(settings, count, port.number).run(keeper)
    except StorageError as error:
        print(f"voice-agent cannot start: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        port.close()


class _Port:
    """Holds the port for the processes, so that it stays ours between two of them; nobody listens on this socket."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError where the port is taken, also by another server that shares its port."""
        family, kind, protocol, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(address)
            address = (address[0], alone.getsockname()[1], *address[2:])
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind(address)

    @property
    def number(self) -> int:
        number: int = self._socket.getsockname()[1]
        return number

    def close(self) -> None:
        self._socket.close()


class Supervisor:
    """Owns the processes. `run` once."""

    def __init__(self, settings: Settings, count: int, port: int) -> None:
        self._settings = settings
        self._server = settings.server
        self._count = count
        self._port = port
        self._ready = 0
        self._running: dict[int, Process] = {}
        self._stop = asyncio.Event()

    async def run(self, keeper: DatabaseKeeper | None) -> int:
        """Until a signal, the end of the keeper or a failed start; then until every process has ended."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._pass_on)
        tasks = [asyncio.create_task(self._keep(index), name="server process") for index in range(self._count)]
        stop = asyncio.create_task(self._stop.wait())
        lost = asyncio.create_task(keeper.gone()) if keeper is not None else None
        watched = [stop, lost] if lost is not None else [stop]
        try:
            await asyncio.wait([*tasks, *watched], return_when=asyncio.FIRST_COMPLETED)
            keeper_lost = lost is not None and lost.done()
            if keeper_lost:
                logger.critical("The process that runs the embedded database is gone: the server drains")
        finally:
            self._pass_on()
            await self._finish(tasks)
            for watch in watched:
                watch.cancel()
            await asyncio.gather(*watched, return_exceptions=True)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
        failures = [task.exception() for task in tasks]
        for failure in failures:
            if isinstance(failure, WorkerError):
                return failure.code
            if failure is not None:
                raise failure
        return 1 if keeper_lost else 0

    def _pass_on(self) -> None:
        self._stop.set()
        for process in self._running.values():
            _signal(process, signal.SIGTERM)

    async def _finish(self, tasks: list[asyncio.Task[None]]) -> None:
        """Every process has a time for draining and goodbyes; what is still there then is killed."""
        server = self._server
        seconds = server.drain_timeout_s + self._settings.turns.goodbye_timeout_s + 4 * server.close_timeout_s
        _, late = await asyncio.wait(tasks, timeout=seconds)
        if late:
            logger.error("Server processes did not end in time and are killed", extra={"processes": len(late)})
        while late:
            for process in self._running.values():
                _signal(process, signal.SIGKILL)
            _, late = await asyncio.wait(tasks, timeout=server.close_timeout_s)

    async def _keep(self, index: int) -> None:
        """One process, and the next one when it dies. Raises WorkerError when the first does not become ready."""
        loop = asyncio.get_running_loop()
        first, delay_s = True, self._server.serve_restart_s
        while not self._stop.is_set():
            begun = loop.time()
            process = await self._launch(index)
            self._running[index] = process
            try:
                if self._stop.is_set():
                    _signal(process, signal.SIGTERM)
                ready = await self._becomes_ready(process)
                if ready and first:
                    first = False
                    self._one_more_ready()
                elif not ready:
                    # A process that ends by itself gives its own code; one that hangs is killed.
                    async with asyncio.timeout(self._server.close_timeout_s):
                        await process.wait()
                code = await process.wait()
            except TimeoutError:
                _signal(process, signal.SIGKILL)
                code = await process.wait()
            finally:
                if process.returncode is None:
                    _signal(process, signal.SIGKILL)
                del self._running[index]
            if self._stop.is_set():
                return
            if first:
                raise WorkerError(code if code > 0 else 1)
            logger.warning("A server process ended with code %d and is replaced", code)
            delay_s = self._server.serve_restart_s if loop.time() - begun > _STABLE_S else delay_s
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stop.wait()
            delay_s = min(2 * delay_s, self._server.serve_restart_max_s)

    async def _launch(self, index: int) -> Process:
        base = self._server.private_base_port
        environment = os.environ | {"PORT": str(self._port), "PRIVATE_BASE_PORT": str(base + index if base else 0)}
        # A session of its own: Ctrl-C is for this process, which passes it on once.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-c", _COMMAND, "serve", OPTION, str(os.getpid())),
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    async def _becomes_ready(self, process: Process) -> bool:
        """Whether it said so in time. Raises TimeoutError."""
        assert process.stdout is not None
        async with asyncio.timeout(self._server.serve_start_timeout_s):
            return bool(await process.stdout.readline())

    def _one_more_ready(self) -> None:
        self._ready += 1
        if self._ready == self._count:
            print(ready_line(self._server, self._port), flush=True)  # noqa: T201


def _signal(process: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(number)
