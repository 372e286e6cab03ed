"""What goes on beside a call: its tasks, and what the event loop calls back. All of it ends with the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Background:
    """`on_failed` gets what any of it raises: nobody awaits it, and the call would hang in mid-turn."""

    def __init__(self, on_failed: Callable[[BaseException], None]) -> None:
        self._on_failed = on_failed
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """In a task of its own, until `aclose`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def soon(self, act: Callable[[], object]) -> None:
        """Right after what runs now: for what must not happen within it."""
        asyncio.get_running_loop().call_soon(self.run, act)

    def run(self, act: Callable[[], object]) -> None:
        """For what the event loop calls."""
        try:
            act()
        except Exception as error:  # whoever owns the call raises it again
            self._on_failed(error)

    async def aclose(self) -> None:
        """Cancels every task and awaits its end."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        try:
            error = task.exception()
        except asyncio.CancelledError:
            # Only now has the task let go of its error, whose frames hold what may hold the task.
            return
        if error is not None:
            self._on_failed(error)
