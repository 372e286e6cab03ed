"""An event loop whose clock jumps: when nothing is ready, time goes on to the next timer at once.

For tests and benchmarks of code that waits. No real time passes, and the order of events depends on nothing but their
times. Real sockets must not be used on it: a packet under way would lose the race against the clock.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    """Never sleeps: what the loop would have slept is added to its clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("every task waits and no timer is set: this would hang for ever")
        self.now += timeout
        return []


class AutojumpLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end in no time."""
    with asyncio.Runner(loop_factory=AutojumpLoop) as runner:
        return runner.run(work)
