"""Has reports worked out in a process of its own, one at a time: seconds of computing must not hold up live calls."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from pydantic import ValidationError

from voice_agent.reports.build import Built, Material
from voice_agent.settings import ReportSettings

_MODULE = "voice_agent.reports.build_process"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "TZ")


class BuildError(Exception):
    """The process failed or took too long. The message holds nothing of the call."""


class ReportBuilder:
    def __init__(self, settings: ReportSettings) -> None:
        self._settings = settings
        self._one = asyncio.Lock()

    async def build(self, material: Material) -> Built:
        """Raises BuildError."""
        given = material.model_dump_json().encode()
        async with self._one:
            answer = await self._run(given)
        try:
            return Built.model_validate_json(answer)
        except ValidationError:
            raise BuildError("the process gave no report") from None

    async def _run(self, given: bytes) -> bytes:
        child = _start(self._settings.build_nice)
        answering = asyncio.create_task(asyncio.to_thread(child.communicate, given))
        try:
            async with asyncio.timeout(self._settings.build_timeout_s):
                answer, _ = await asyncio.shield(answering)
        except TimeoutError:
            raise BuildError("the process took too long") from None
        finally:
            child.kill()
            await asyncio.wait((answering,))
        if child.returncode != 0:
            raise BuildError("the process failed")
        return answer


def _start(nice: int) -> subprocess.Popen[bytes]:
    """Not by the event loop: uvloop forks, which copies the page tables of the whole server and stops the loop (11 ms
    beside 270 MB). With vfork a child borrows the memory until it has its own program (0.5 ms)."""
    return subprocess.Popen(  # noqa: S603 - our own module
        (sys.executable, "-P", "-m", _MODULE, str(nice), str(os.getpid())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={name: os.environ[name] for name in _INHERITED if name in os.environ},
        start_new_session=True,
    )
