"""Keeps Python's garbage collector from stalling the event loop.

A full collection walks every object there is, and no caller is heard meanwhile. What the start leaves, modules,
schemas, agents, is never garbage, and walking it took 84 ms of CPU time (164,000 objects): frozen, it is not looked at
any more. A call adds 0.2 to 0.3 ms, and left alone Python collects whenever there are a quarter more objects, so while
calls come in, when there is nothing to be found: with 2,000 conversations in writing single stalls of 350 ms.

What a call makes is freed without a collector, and so is the call when it has ended (`voice_agent/call/weakly.py`): but
for some small rings of libraries nothing waits for a full collection, and none is asked for. A short one, of what is
young, comes as often as ever.
"""

from __future__ import annotations

import gc

_MIDDLE_PER_FULL = 200
"""Collections of the middle generation before Python starts a full one by itself, 10 by default: every 5 to 10 minutes
under load. So what is no call, and became garbage when it was old, is part of 1.4 million objects at most."""


def freeze_start() -> None:
    """Call it once, when everything is loaded and before the first call."""
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _MIDDLE_PER_FULL)
