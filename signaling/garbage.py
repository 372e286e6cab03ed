"""Keeps Python's garbage collector from stalling the event loop.

A full collection walks every object there is, and no caller is heard meanwhile. What the start leaves, modules,
schemas, agents, is never garbage, and walking it took 84 ms of CPU time (164,000 objects): frozen, it is not looked at
any more. A call adds 0.2 to 0.3 ms, and left alone Python collects whenever there are a quarter more objects, so while
calls come in, when there is nothing to be found: with 2,000 conversations in writing single stalls of 350 ms.

What a call makes is freed without a collector; only a call that has ended is a ring of some hundred objects. So full
collections are counted by ended calls. A short one, of what is young, comes as often as ever.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

_MIDDLE_PER_FULL = 200
"""Collections of the middle generation before Python starts a full one by itself, 10 by default: every 5 to 10 minutes
under load. So what is no call, and became garbage when it was old, is part of 1.4 million objects at most."""
_SETTLING_S = 1.0
"""A call that has just ended is still held by its task; and of many that end together all are collected in one go."""


def freeze_start() -> None:
    """Call it once, when everything is loaded and before the first call."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _MIDDLE_PER_FULL)


class EndedCalls:
    """Collects what calls leave when as many have ended as there are: they never hold more memory than those, and a
    collection costs each of them what walking one call takes. Use it on the event loop."""

    def __init__(self, live: Callable[[], int], collect: Callable[[], object] = gc.collect) -> None:
        self._live = live
        self._collect = collect
        self._ended = 0
        self._due: asyncio.TimerHandle | None = None

    def one_more(self) -> None:
        """Call it for each call that ends, or is refused when its peer is made, while it still counts as live."""
        self._ended += 1
        if self._due is None and self._ended >= self._live():
            self._due = asyncio.get_running_loop().call_later(_SETTLING_S, self._collect_all)

    def _collect_all(self) -> None:
        self._due = None
        self._ended = 0
        self._collect()
