"""A small pool of pre-warmed worker processes, each leased for one job at a time.

Local engines hold the interpreter lock or crash in native code; a process of their own keeps the media loop smooth and
the server alive. The pool starts workers, lends them, takes them back (resetting one whose job was abandoned), and
replaces those that die. It knows nothing of audio: see `transcriber.py` and `synthesizer.py`.

    free ──lease──> running ──DONE──> free
                       └─abandoned──> resetting ──DONE──> free
    any of them ──death, FAILED or no DONE in time──> replaced after a pause that doubles while starting fails
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import voice_agent
from voice_agent.engines.local.wire import HEADER, Kind, pack, pack_json, parse_json
from voice_agent.engines.ports import EngineError
from voice_agent.settings import EngineSettings

logger = logging.getLogger(__name__)

_HOST_MODULE = "voice_agent.engines.local.workers"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SYSTEMROOT", "TZ")
_MAX_RESTART_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """Which engine a worker loads. `target` is "module:factory"; the factory gets `arguments` (JSON values)."""

    target: str
    arguments: Mapping[str, object]


def _environment() -> dict[str, str]:
    """What a worker may see: no keys and no database URL, and libraries that would fetch models stay offline."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(voice_agent.__file__).parents[1]), *filter(None, sys.path)])
    environment["HF_HUB_OFFLINE"] = "1"
    return environment


async def cancel_and_wait(task: asyncio.Task[None]) -> None:
    """Ends a task that the caller owns. What it failed with is retrieved but not raised: the caller's own failure or
    wish to stop comes first."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


class _Worker:
    """One live process and its pipe. Reading may be cancelled at any await without losing the frame's boundary."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("worker started without pipes")
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._header: tuple[int, int] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None and not self._stdout.at_eof()

    def write(self, frame: bytes) -> None:
        self._stdin.write(frame)

    async def drain(self) -> None:
        try:
            await self._stdin.drain()
        except (BrokenPipeError, ConnectionResetError) as error:
            raise EngineError("the worker process ended", code="worker_died", retryable=True) from error

    async def read(self) -> tuple[Kind, bytes]:
        """The next frame. Raises EngineError if the process ended or said that it cannot go on."""
        try:
            if self._header is None:
                kind, length = HEADER.unpack(await self._stdout.readexactly(HEADER.size))
                self._header = (kind, length)
            kind, length = self._header
            payload = await self._stdout.readexactly(length) if length else b""
        except (asyncio.IncompleteReadError, ConnectionResetError) as error:
            raise EngineError("the worker process ended", code="worker_died", retryable=True) from error
        self._header = None
        if kind == Kind.FAILED:
            code = str(parse_json(payload).get("code", "unknown"))
            raise EngineError(f"the local engine failed: {code}", code="worker_failed", retryable=True)
        return Kind(kind), payload

    async def exited(self) -> None:
        await self._process.wait()

    async def kill(self) -> None:
        """A worker has nothing to save, so it is not asked."""
        with contextlib.suppress(ProcessLookupError):  # it ended by itself
            self._process.kill()
        self._stdin.close()
        await self._process.wait()


class Job:
    """A lease of one worker for one piece of work. Use it as an async context manager; leaving it abandons the rest."""

    def __init__(self, pool: WorkerPool, options: Mapping[str, object]) -> None:
        self._pool = pool
        self._options = options
        self._worker: _Worker | None = None
        self._done = False

    async def __aenter__(self) -> Job:
        """Waits for a free worker. Raises EngineError "busy" or "unavailable"."""
        self._worker = await self._pool.take()
        self._worker.write(pack_json(Kind.BEGIN, self._options))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._worker is not None:
            self._pool.give_back(self._worker, finished=self._done)
            self._worker = None

    @property
    def _leased(self) -> _Worker:
        if self._worker is None:
            raise RuntimeError("the job holds no worker")
        return self._worker

    async def send(self, data: bytes) -> None:
        """Sends audio; waits while the pipe is full. Raises EngineError."""
        self._leased.write(pack(Kind.DATA, data))
        await self._leased.drain()

    async def end(self) -> None:
        """No more data follows. Raises EngineError."""
        self._leased.write(pack(Kind.END))
        await self._leased.drain()

    async def receive(self) -> dict[str, object] | bytes | None:
        """The next JSON result or audio; None when the job is done. Raises EngineError."""
        if self._done:
            return None
        kind, payload = await self._leased.read()
        if kind is Kind.DATA:
            return payload
        if kind is Kind.RESULT:
            return parse_json(payload)
        self._done = True
        return None


class WorkerPool:
    """`size` workers of one kind, started by `start` or by the first lease."""

    def __init__(self, spec: WorkerSpec, *, size: int, settings: EngineSettings) -> None:
        self._spec = spec
        self._size = size
        self._settings = settings
        self._free: deque[_Worker] = deque()
        self._waiting: deque[asyncio.Future[_Worker]] = deque()
        self._keepers: set[asyncio.Task[None]] = set()
        self._resets: set[asyncio.Task[None]] = set()
        self._broken = 0
        self._failure = ""
        self._closed = False

    async def start(self) -> None:
        """Starts the workers and returns when one is ready. Raises EngineError if none can start in time."""
        worker = await self.take(wait_s=self._settings.worker_start_timeout_s)
        self.give_back(worker, finished=True)

    def job(self, **options: object) -> Job:
        """A lease with these options (JSON values), to be entered with `async with`."""
        return Job(self, options)

    async def take(self, wait_s: float | None = None) -> _Worker:
        """Waits in line for a free worker, `worker_wait_s` unless told. Raises EngineError "busy" or "unavailable"."""
        if self._closed:
            raise EngineError("the local engine is closed", code="closed", retryable=False)
        if not self._keepers:
            self._keepers = {asyncio.create_task(self._keep()) for _ in range(self._size)}
        while self._free:
            worker = self._free.popleft()
            if worker.alive:
                return worker
        if self._broken == self._size:
            raise self._unavailable()
        turn: asyncio.Future[_Worker] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        granted = False
        try:
            async with asyncio.timeout(self._settings.worker_wait_s if wait_s is None else wait_s):
                worker = await turn
            granted = True
            return worker
        except TimeoutError as error:
            raise EngineError("no local worker became free", code="busy", retryable=True) from error
        finally:
            if not granted:
                self._forgo(turn)

    def give_back(self, worker: _Worker, *, finished: bool) -> None:
        """Returns a leased worker; one whose job is not finished is reset first. Never blocks."""
        if finished:
            self._offer(worker)
            return
        task = asyncio.create_task(self._reset(worker))
        self._resets.add(task)
        task.add_done_callback(self._resets.discard)

    async def aclose(self) -> None:
        """Ends every worker within `worker_stop_timeout_s`. Idempotent."""
        self._closed = True
        tasks = [*self._keepers, *self._resets]
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._settings.worker_stop_timeout_s)
            if late:
                logger.error("local workers still ending at the deadline", extra={"count": len(late)})
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(EngineError("the local engine is closed", code="closed", retryable=False))
        self._free.clear()

    def _forgo(self, turn: asyncio.Future[_Worker]) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
        elif turn.done() and not turn.cancelled() and turn.exception() is None:
            self._offer(turn.result())  # granted in the very moment in which the wait was given up

    def _offer(self, worker: _Worker) -> None:
        if not worker.alive or self._closed:
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(worker)
                return
        self._free.append(worker)

    async def _reset(self, worker: _Worker) -> None:
        try:
            async with asyncio.timeout(self._settings.worker_reset_timeout_s):
                worker.write(pack(Kind.CANCEL))
                await worker.drain()
                while (await worker.read())[0] is not Kind.DONE:
                    pass
        except (TimeoutError, EngineError):
            await worker.kill()  # its keeper notices and starts another
        else:
            self._offer(worker)

    async def _keep(self) -> None:
        """Owns one worker after another until the pool closes."""
        pause_s = self._settings.worker_restart_s
        while True:
            broken = False
            try:
                async with asyncio.timeout(self._settings.worker_start_timeout_s) as deadline:
                    worker = await self._spawn()
                    try:
                        await worker.read()
                        deadline.reschedule(None)
                        pause_s = self._settings.worker_restart_s
                        self._offer(worker)
                        await worker.exited()
                        logger.warning("a local worker ended", extra={"pid": worker.pid})
                    finally:
                        await worker.kill()
            except (TimeoutError, EngineError, OSError) as error:
                broken = True
                self._failure = str(error) or type(error).__name__
                logger.error("a local worker cannot start", extra={"pause_s": pause_s})
            self._mark_broken(broken)
            await asyncio.sleep(pause_s)
            self._broken -= broken
            pause_s = min(2 * pause_s, _MAX_RESTART_PAUSE_S)

    async def _spawn(self) -> _Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            _HOST_MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # native libraries print what they recognise
            env=_environment(),
        )
        worker = _Worker(process)
        start = {
            "target": self._spec.target,
            "arguments": dict(self._spec.arguments),
            "parent_pid": os.getpid(),
            "niceness": self._settings.worker_niceness,
        }
        worker.write(pack_json(Kind.START, start))
        return worker

    def _mark_broken(self, broken: bool) -> None:
        self._broken += broken
        if self._broken < self._size:
            return
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(self._unavailable())

    def _unavailable(self) -> EngineError:
        return EngineError(f"no local worker can start: {self._failure}", code="unavailable", retryable=True)
