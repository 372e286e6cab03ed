"""Calls back at one moment to come, which may be put off or given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """`ring` is called once when `clock` (in s) has come to the time that was set last."""

    def __init__(self, clock: Callable[[], float], ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self.at: float | None = None
        """What it is set to; None: it will not ring."""

    def set(self, at: float | None) -> None:
        """To another time, or None for never. The same time again is free: most that happens in a call changes none."""
        if at == self.at:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.at = at
        if at is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, at - self._clock()), self._due)

    def _due(self) -> None:
        self.at = self._timer = None
        self._ring()
