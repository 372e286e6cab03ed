"""Whether this process can carry one more call: its processor time, the lateness of its loop, its file descriptors.

How many calls there may be at all is the directory's; whom a call is counted for is `call_limits.py`'s. Everything here
is read and judged synchronously, before the first await, so that a burst of requests cannot pass together.

A loop that is nearly full shows little lag until it suddenly does, so processor time comes first: each call admitted
within the window counts with an assumed cost until the window has measured it.
"""

from __future__ import annotations

import os
import resource
import time
from collections import deque
from typing import Literal

from prometheus_client import Counter, Gauge

from voice_agent.settings import ServerSettings

CPU_LOAD = Gauge("voice_cpu_load_ratio", "Processor time of this process over the last seconds; 1 is one core.")
REFUSED = Counter("voice_calls_refused_total", "Calls not admitted for want of resources.", ["reason"])

Reason = Literal["cpu", "event_loop", "descriptors"]

_LATE_SHARE = 0.1
"""A loop is late when so many of its wake-ups are: one stall is no reason to refuse anybody."""
_DESCRIPTORS = "/proc/self/fd"


class LoadWindow:
    """Processor time and lateness over the last seconds. Pure; times in seconds."""

    def __init__(self, window_s: float) -> None:
        self._window_s = window_s
        self._samples: deque[tuple[float, float, float]] = deque()
        self._admitted: deque[float] = deque()

    def sample(self, now: float, cpu_s: float, lag_s: float) -> None:
        """`cpu_s`: all that the process has used so far. `lag_s`: by how much this wake-up was late."""
        self._samples.append((now, cpu_s, lag_s))
        while len(self._samples) > 1 and self._samples[1][0] <= now - self._window_s:
            self._samples.popleft()

    def admitted(self, now: float) -> None:
        """A call was admitted, whose cost is not measured yet."""
        self._admitted.append(now)

    def cpu_percent(self, now: float, cpu_s: float, call_percent: float) -> float:
        """Of one core; 0 until half a window was seen. A new call counts with what is left of `call_percent`."""
        while self._admitted and self._admitted[0] <= now - self._window_s:
            self._admitted.popleft()
        if not self._samples or now - self._samples[0][0] < self._window_s / 2:
            return 0.0
        start, used, _ = self._samples[0]
        unseen = sum(1 - (now - at) / self._window_s for at in self._admitted)
        return (cpu_s - used) / (now - start) * 100 + unseen * call_percent

    def late_ms(self) -> float:
        """One wake-up in ten came later than this; 0 before there were so many that one alone cannot decide."""
        spared = int(len(self._samples) * _LATE_SHARE)
        if not spared:
            return 0.0
        return sorted(lag for _, _, lag in self._samples)[-1 - spared] * 1000


class Admission:
    """The judge of one process. `tick` belongs to the loop's monitor."""

    def __init__(self, server: ServerSettings) -> None:
        self._server = server
        self._window = LoadWindow(server.load_window_s)

    def tick(self, lag_s: float) -> None:
        now, cpu_s = time.monotonic(), time.process_time()
        self._window.sample(now, cpu_s, lag_s)
        CPU_LOAD.set(self._window.cpu_percent(now, cpu_s, 0) / 100)

    def obstacle(self) -> Reason | None:
        """Why one more call would hurt those that run; None if it would not."""
        server = self._server
        if server.max_cpu_percent:
            load = self._window.cpu_percent(time.monotonic(), time.process_time(), server.call_cpu_percent)
            if load >= server.max_cpu_percent:
                return "cpu"
        if self._window.late_ms() > server.max_loop_lag_ms:
            return "event_loop"
        if free_descriptors() < server.descriptor_reserve:
            return "descriptors"
        return None

    def admitted(self) -> None:
        """A call was admitted just now."""
        self._window.admitted(time.monotonic())


def descriptor_limit() -> int:
    """How many descriptors this process may have open, at the moment."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft


def free_descriptors() -> int:
    try:
        return descriptor_limit() - len(os.listdir(_DESCRIPTORS))
    except OSError:
        return 0  # Not even one was free to count the others.
