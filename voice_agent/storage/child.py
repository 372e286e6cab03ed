"""A child process that dies with this one, watched without a thread, under any event loop (asyncio's or uvloop's)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from voice_agent.storage.binaries import Account

_LAUNCHER = Path(__file__).with_name("launch.py")
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All that the child sees: none of the keys and passwords in this process' environment."""


class Child:
    """Starts at once. Create it on the thread of the event loop: the child gets SIGINT when that *thread* ends."""

    def __init__(
        self, argv: Sequence[str], *, account: Account | None, cwd: Path, output: int, keep: Sequence[int] = ()
    ) -> None:
        """`output` is the descriptor for its stdout and stderr; the descriptors in `keep` stay open in it.

        Raises OSError.
        """
        user = account or Account(uid=-1, gid=-1)
        # A session of its own: Ctrl-C in a terminal reaches only us, and we stop the child in our own time.
        self._process = subprocess.Popen(  # noqa: S603 - a program found by binaries.py
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(user.uid), str(user.gid), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env=_ENVIRONMENT,
            pass_fds=tuple(keep),
            start_new_session=True,
        )
        loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int] = loop.create_future()
        self._pidfd = os.pidfd_open(self._process.pid)
        loop.add_reader(self._pidfd, self._reap)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return not self._exited.done()

    def send(self, number: signal.Signals) -> None:
        """Does nothing once it has ended."""
        if self.running:
            self._process.send_signal(number)

    async def wait(self, timeout_s: float | None = None) -> int:
        """The exit code; negative for a signal. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(self._exited)

    async def stop(self, *steps: signal.Signals, timeout_s: float) -> None:
        """Sends one signal after the other, each given `timeout_s`, and at last SIGKILL."""
        for number in steps:
            self.send(number)
            try:
                await self.wait(timeout_s)
            except TimeoutError:
                continue
            return
        self.send(signal.SIGKILL)
        await self.wait(timeout_s)

    def _reap(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._exited.set_result(self._process.wait())
