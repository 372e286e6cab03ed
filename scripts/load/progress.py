"""How a load test is getting on: one line on a terminal that is written anew, or a line now and then in a log."""

from __future__ import annotations

import asyncio
import sys

from scripts.load.crowd import Crowd
from scripts.load.observer import Observer, Point

_BAR = 20
_TERMINAL_S = 0.5
_LOG_S = 10.0


class Progress:
    """`run` until cancelled, then `end`. Writes to stderr: the report has stdout for itself."""

    def __init__(self, observer: Observer, crowd: Crowd) -> None:
        self._observer = observer
        self._crowd = crowd
        self._loop = asyncio.get_running_loop()
        self._calls = 0
        self._seconds = 0.0
        self._since: float | None = None
        self._terminal = sys.stderr.isatty()

    def goal(self, calls: int, seconds: float) -> None:
        """So many calls from now on, for so long once they are there."""
        self._calls, self._seconds, self._since = calls, seconds, None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_TERMINAL_S if self._terminal else _LOG_S)
            sys.stderr.write(f"\r\x1b[K{self.line()}" if self._terminal else f"{self.line()}\n")
            sys.stderr.flush()

    def end(self) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[K")

    def line(self) -> str:
        done = self._crowd.size / self._calls if self._calls else 0.0
        if self._crowd.size == self._calls:
            self._since = self._since or self._loop.time()
            done = min(1.0, (self._loop.time() - self._since) / self._seconds)
        bar = ("#" * round(done * _BAR)).ljust(_BAR, ".")
        doing = "measuring" if self._since else "dialling"
        point = self._observer.points[-1] if self._observer.points else None
        return f"[{bar}] {doing}  {self._crowd.connected}/{self._calls} calls{described(point)}"


def described(point: Point | None) -> str:
    """The last figures, as far as there are any."""
    if point is None:
        return ""
    figures = [
        ("p95", point.latency_p95_ms, "{:.0f} ms"),
        ("lag p99", point.server_lag_p99_ms, "{:.0f} ms"),
        ("cores", point.server_cpu, "{:.2f}"),
        ("failures", point.failures, "{:.0f}"),
    ]
    return "".join(f"  {name} {form.format(value)}" for name, value, form in figures if value is not None)
