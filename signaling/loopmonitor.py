"""Measures by how much the event loop is late: the one figure that tells whether callers hear gaps.

A sample is the delay of a timer. Read `p99_ms` as: of the last minute's wake-ups, one in a hundred came later than
this. It lags by design; a single long stall shows in the histogram first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from prometheus_client import Histogram

LOOP_LAG = Histogram(
    "voice_eventloop_lag_seconds",
    "How late the event loop wakes a timer.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
_INTERVAL_S = 0.1
_WINDOW = 600


class LagWindow:
    """The last samples and their 99th percentile. Pure."""

    def __init__(self, size: int = _WINDOW) -> None:
        self._samples: deque[float] = deque(maxlen=size)

    def add(self, lag_s: float) -> None:
        self._samples.append(max(0.0, lag_s))

    @property
    def p99_ms(self) -> float:
        """Nearest rank; 0 before the first sample."""
        if not self._samples:
            return 0.0
        ordered = sorted(self._samples)
        return ordered[max(0, -(-len(ordered) * 99 // 100) - 1)] * 1000


class LoopMonitor:
    """`run` is a task of whoever made the monitor; it ends by cancellation."""

    def __init__(self, on_wake: Callable[[float], None] = lambda _lag_s: None) -> None:
        """`on_wake(lag_s)` is called at each sample."""
        self.window = LagWindow()
        self._on_wake = on_wake

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _INTERVAL_S
            await asyncio.sleep(_INTERVAL_S)
            lag = loop.time() - due
            self.window.add(lag)
            LOOP_LAG.observe(max(0.0, lag))
            self._on_wake(max(0.0, lag))
