"""What one caller hears of the agent: when a sound began, and until when there is more of it. Times are arguments.

A WebSocket brings speech faster than it is spoken: it plays from the end of what came before. Over WebRTC each packet
is heard as it comes. Both are the same to whoever asks here.
"""

from __future__ import annotations

import asyncio

_GAP_S = 0.25
"""A pause between two sounds that is longer than this makes them two: words of one reply are closer together."""


class Hearing:
    def __init__(self) -> None:
        self.until = 0.0
        """The end of the last sound so far, on the clock of the arguments."""
        self._began: float | None = None
        self._changed = asyncio.Event()

    def sound(self, at: float, duration_s: float) -> None:
        if self._began is None or at > self.until + _GAP_S:
            self._began = at
            self._changed.set()
        self.until = max(self.until, at) + duration_s

    def cut(self, at: float) -> None:
        """The client threw away what it had not played."""
        self.until = min(self.until, at)

    def sounding(self, now: float) -> bool:
        return now <= self.until + _GAP_S

    def forget(self) -> None:
        """The next sound counts as a beginning, whatever was heard before."""
        self._began = None

    async def begins(self) -> float:
        """When the sound began that came first since `forget`."""
        while self._began is None:
            self._changed.clear()
            await self._changed.wait()
        return self._began

    async def falls_silent(self, quiet_s: float) -> float:
        """Waits until there was no sound for `quiet_s`; returns when the last one ended."""
        loop = asyncio.get_running_loop()
        while (left := self.until + quiet_s - loop.time()) > 0:  # noqa: ASYNC110 - there is nothing else to wait for
            await asyncio.sleep(left)
        return self.until
