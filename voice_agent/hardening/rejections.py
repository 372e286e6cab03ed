"""Counts what the media stack threw away, and logs a few of it: a flood of bad packets must not become a flood of logs.

Messages carry a cause (a short stable word) and nothing of the packet, its sender or its content.
"""

from __future__ import annotations

import logging
import time
from collections import deque

from prometheus_client import Counter

logger = logging.getLogger(__name__)

_WINDOW_S = 60.0

media_rejected = Counter(
    "voice_media_rejected_total", "Packets, messages and events that the media stack refused.", ["cause"]
)


class LogBudget:
    """At most `per_minute` log lines in any 60 s for each cause. Time is an argument, in monotonic seconds."""

    def __init__(self, per_minute: int = 5) -> None:
        self._per_minute = per_minute
        self._spent: dict[str, deque[float]] = {}

    def allows(self, cause: str, now: float) -> bool:
        """Whether one more line about `cause` may be written at `now`; if so it counts as written."""
        spent = self._spent.setdefault(cause, deque())
        while spent and now - spent[0] >= _WINDOW_S:
            spent.popleft()
        if len(spent) >= self._per_minute:
            return False
        spent.append(now)
        return True


_budget = LogBudget()


def rejected(cause: str) -> None:
    """Something from a client was refused. `cause` is one of a fixed set of words, never remote text."""
    media_rejected.labels(cause).inc()
    if _budget.allows(cause, time.monotonic()):
        logger.warning("Refused something from a client: %s", cause)
