"""One thread for work that waits for a disk, kept apart so that a disk that hangs delays nothing else.

Not an executor of asyncio or of `concurrent.futures`: those take on work without limit, and they hold up the end of
the process until a hanging call returns.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from voice_agent.storage.errors import OutboxUnavailable

Result = TypeVar("Result")


class DiskThread:
    """Runs one job after the other; at most `backlog` wait. Starts at once and is stopped with `stop`."""

    def __init__(self, *, backlog: int) -> None:
        self._jobs: queue.Queue[tuple[Future[Any], Callable[[], Any]] | None] = queue.Queue(backlog)
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], Result], *, timeout_s: float) -> Result:
        """What the job returns or raises. A job that has begun is not stopped by a timeout or a cancellation.

        Raises OutboxUnavailable where the thread is not done in time or too far behind to begin.
        """
        future: Future[Result] = Future()
        try:
            self._jobs.put_nowait((future, job))
        except queue.Full:
            raise OutboxUnavailable("behind") from None
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise OutboxUnavailable("timeout") from None

    def stop(self) -> None:
        """Lets it end after the jobs that wait. Does not wait for it."""
        try:
            self._jobs.put_nowait(None)
        except queue.Full:
            return  # it hangs; being a daemon, it ends with the process

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)
