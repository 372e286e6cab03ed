"""The main loop of a worker process: loads one engine, then runs one job after another, over a pipe.

Started as `python -m voice_agent.engines.local.workers` by the pool. A worker holds callers' audio and words in
memory, so it writes no file, leaves no core dump, cannot be read by other processes of the same user, prints nothing,
and ends with its parent.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import queue
import resource
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from typing import Protocol

from voice_agent.engines.local.wire import HEADER, Kind, pack, pack_json, parse_json
from voice_agent.hardening import landlock

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


class JobCancelledError(Exception):
    """The server no longer wants this job."""


class Job:
    """One piece of work. The engine reads `options` and `data()`, and answers with `result` and `send`."""

    def __init__(self, options: Mapping[str, object], out: int) -> None:
        self.options = options
        self._out = out
        self._inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """For callbacks of native libraries, which must not raise."""
        return self._cancelled

    @property
    def behind(self) -> bool:
        """More data waits already: skip what only matters when keeping up."""
        return not self._inbox.empty()

    def data(self) -> Iterator[bytes]:
        """Yields the pieces of audio until the server ends the job. Raises JobCancelledError."""
        while True:
            piece = self._inbox.get()
            if self._cancelled:
                raise JobCancelledError
            if piece is None:
                return
            yield piece

    def result(self, value: Mapping[str, object]) -> None:
        """Sends a JSON object. Raises JobCancelledError."""
        self._write(pack_json(Kind.RESULT, value))

    def send(self, pcm: bytes) -> None:
        """Sends audio; waits while the pipe is full. Raises JobCancelledError."""
        self._write(pack(Kind.DATA, pcm))

    def _write(self, frame: bytes) -> None:
        if self._cancelled:
            raise JobCancelledError
        write_all(self._out, frame)

    def feed(self, piece: bytes | None) -> None:
        """Called by the reader thread; None ends the data."""
        self._inbox.put(piece)

    def cancel(self) -> None:
        """Called by the reader thread."""
        self._cancelled = True
        self._inbox.put(None)


class Engine(Protocol):
    def run(self, job: Job) -> None:
        """Does one job. May raise JobCancelledError; any other exception ends the worker."""
        ...


def write_all(fd: int, frame: bytes) -> None:
    view = memoryview(frame)
    while view:
        view = view[os.write(fd, view) :]


def read_frame(fd: int) -> tuple[Kind, bytes]:
    """Raises EOFError when the server is gone, ValueError on a kind that is unknown."""
    kind, length = HEADER.unpack(_read_exactly(fd, HEADER.size))
    return Kind(kind), _read_exactly(fd, length)


def _read_exactly(fd: int, length: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < length:
        piece = os.read(fd, length - len(pieces))
        if not piece:
            raise EOFError
        pieces += piece
    return bytes(pieces)


def _claim_pipes() -> tuple[int, int]:
    """Moves the protocol away from stdin and stdout, where a native library's chatter would corrupt it."""
    inner, outer = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return inner, outer


def _protect(parent_pid: int, niceness: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C and a service manager's TERM reach the whole group, but calls
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # drain first: the server alone decides when a worker ends.
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent ended before prctl took effect
        os._exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(niceness)


def _forbid_inspection() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # RLIMIT_CORE does not bind a core_pattern that is a pipe


def _read_jobs(inner: int, outer: int, jobs: queue.SimpleQueue[Job]) -> None:
    current: Job | None = None
    try:
        while True:
            kind, payload = read_frame(inner)
            if kind is Kind.BEGIN:
                current = Job(parse_json(payload), outer)
                jobs.put(current)
            elif current is None:
                continue
            elif kind is Kind.DATA:
                current.feed(payload)
            elif kind is Kind.END:
                current.feed(None)
            elif kind is Kind.CANCEL:
                current.cancel()
    finally:
        os._exit(0)  # the server is gone; the main thread may be deep inside native code


def main() -> None:
    inner, outer = _claim_pipes()
    kind, payload = read_frame(inner)
    start = parse_json(payload)
    if kind is not Kind.START:
        sys.exit(2)
    _protect(int(str(start["parent_pid"])), int(str(start["niceness"])))
    if landlock.supported():
        landlock.restrict()  # the server is restricted too, but not the other commands that use local engines
    try:
        module, _, factory = str(start["target"]).partition(":")
        engine: Engine = getattr(importlib.import_module(module), factory)(start["arguments"])
    except Exception as error:  # any failure of a package or a model must reach the server, as a code
        write_all(outer, pack_json(Kind.FAILED, {"code": type(error).__name__}))
        sys.exit(1)
    _forbid_inspection()
    write_all(outer, pack(Kind.READY))
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_read_jobs, args=(inner, outer, jobs), daemon=True).start()
    while True:
        job = jobs.get()
        try:
            engine.run(job)
        except JobCancelledError:
            pass  # the server asked for it; DONE below tells it that the worker is free again
        except Exception as error:  # the engine's state is unknown now: the server starts another worker
            write_all(outer, pack_json(Kind.FAILED, {"code": type(error).__name__}))
            os._exit(1)
        write_all(outer, pack(Kind.DONE))
