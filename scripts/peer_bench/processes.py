"""Servers on a core of their own, and the CPU time that they and their children take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import psutil

from scripts.peer_bench.environments import ROOT, UnavailableError

_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 10.0
_CORES = sorted(os.sched_getaffinity(0))


@contextlib.contextmanager
def core_of_servers() -> Iterator[None]:
    """Processes that are started meanwhile run on the first core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _CORES[:1])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextlib.contextmanager
def core_of_clients() -> Iterator[None]:
    """This process, and what it starts meanwhile, leaves the first core alone, where there is another."""
    os.sched_setaffinity(0, _CORES[1:] or _CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, _CORES)


@contextlib.asynccontextmanager
async def server(
    module: str, python: Path, *, speech: bytes = b"", environment: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[str, psutil.Process]]:
    """`scripts.peers.<module>`: its address and process. Raises UnavailableError when it does not come up."""
    with core_of_servers():
        process = await asyncio.create_subprocess_exec(
            str(python),
            "-m",
            f"scripts.peers.{module}",
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        errors = asyncio.create_task(_last_line(process.stderr))
        with contextlib.suppress(ConnectionError):
            process.stdin.write(speech)
            await process.stdin.drain()
        process.stdin.close()
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                url = (await process.stdout.readline()).decode().strip()
        except TimeoutError as error:
            raise UnavailableError(f"{module} said nothing for {_START_TIMEOUT_S:.0f} s") from error
        if not url:
            raise UnavailableError(f"{module} did not start: {await errors}")
        yield url, psutil.Process(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await errors


async def _last_line(stream: asyncio.StreamReader) -> str:
    """Reads everything, so that nobody who writes is held up."""
    last = b""
    async for line in stream:
        last = line.strip() or last
    return last.decode(errors="replace")


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds of a process and of its children that live, user and system."""
    total = 0.0
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            total += times.user + times.system
    return total
