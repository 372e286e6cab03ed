"""All callers of one load test: a number of conversations that can be changed while they run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Self

from scripts.load.conversation import Conversation

_CLOSE_TIMEOUT_S = 30.0


class Crowd:
    """An async context; leaving it hangs up all calls."""

    def __init__(self, make: Callable[[int], Conversation], calls_per_s: float) -> None:
        """`make(number)` gives the number-th caller. `calls_per_s`: so many dial at most."""
        self._make = make
        self._interval_s = 1 / calls_per_s
        self._running: list[tuple[Conversation, asyncio.Task[None]]] = []
        self._past = [0, 0, 0, 0]
        self._made = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave(len(self._running))

    @property
    def size(self) -> int:
        return len(self._running)

    @property
    def connected(self) -> int:
        return sum(conversation.connected for conversation, _ in self._running)

    @property
    def traffic(self) -> tuple[int, int, int, int]:
        """Packets sent, received, lost, late, since the beginning."""
        rows = [self._past, *(conversation.traffic for conversation, _ in self._running)]
        sent, received, lost, late = (sum(row[index] for row in rows) for index in range(4))
        return sent, received, lost, late

    async def resize(self, size: int) -> None:
        """Dials or hangs up until there are `size` callers. Raises what broke a conversation that should run."""
        while len(self._running) < size:
            conversation = self._make(self._made)
            self._made += 1
            self._running.append((conversation, asyncio.create_task(conversation.run())))
            await asyncio.sleep(self._interval_s)
        await self._leave(len(self._running) - size)
        self.check()

    def check(self) -> None:
        """Raises what broke a conversation: they end by cancellation alone."""
        for _, task in self._running:
            if task.done():
                task.result()

    async def _leave(self, count: int) -> None:
        leaving = [self._running.pop() for _ in range(count)]
        for conversation, task in leaving:
            self._past = [past + more for past, more in zip(self._past, conversation.traffic, strict=True)]
            task.cancel()
        if leaving:
            await asyncio.wait([task for _, task in leaving], timeout=_CLOSE_TIMEOUT_S)
