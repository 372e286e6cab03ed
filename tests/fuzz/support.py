"""How many mutants, and what a server must still be after them. Not a test.

`FUZZ_MUTANTS` chooses how many for each kind of input (`make fuzz`: 20,000), `FUZZ_SEED` which.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.faults.support import Target, bystander, eventually, log_of, probe, reset

MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "20260101"))
IN_EARNEST = bool(MUTANTS)
BUSY_LIMIT_MS = 50.0
"""CPU time of the event loop between two wake-ups, at most."""
GROWTH_LIMIT_BYTES = 30 * 1024 * 1024
SERVER = {
    "MAX_CALLS": "100",
    "CONNECT_TIMEOUT_S": "3",
    "NO_MEDIA_TIMEOUT_S": "3",
    "CLOSE_TIMEOUT_S": "2",
    # Every mutant is to reach the session, not to be refused for coming too soon.
    "EVENTS_PER_S": "1000000",
    "EVENT_BURST": "1000000",
    "EVENT_BYTES_PER_S": "1000000000",
    "EVENT_BURST_BYTES": "1000000000",
    # Thousands of calls end here: their reports would be made for minutes after the last, and are no part of this.
    "JOBS_WORKERS": "0",
    "REPORT_WINDOW_S": "0",
}

fuzzing = pytest.mark.timeout(3600 if IN_EARNEST else 120)


def mutants(few: int) -> range:
    """`few` in the default suite."""
    return range(MUTANTS or few)


def chance(kind: str) -> random.Random:
    return random.Random(f"{SEED} {kind}")


@contextlib.asynccontextmanager
async def unhurt(target: Target, folder: Path) -> AsyncIterator[ClientSession]:
    """Whatever happens inside: another call is heard, the loop never stalls, nothing is left, no traceback."""
    async with target.client() as client:

        async def at_rest() -> bool:
            return bool((await probe(client))["seats"] == 0)

        await eventually(at_rest)
        # The first call of each kind makes what stays for good: modules, pools, the pages of the allocator.
        async with bystander(client):
            pass
        await eventually(at_rest)
        await reset(client)
        before = await probe(client)
        async with bystander(client):
            yield client
        await eventually(at_rest)
        stalled = (await probe(client))["busiest_ms"]

        async def back_to_base() -> bool:
            now = await probe(client)
            return all(now[name] <= before[name] + 2 for name in ("tasks", "threads", "fds"))

        await eventually(back_to_base)
        await reset(client)
        after = await probe(client)
        assert target.process.poll() is None
        assert stalled < BUSY_LIMIT_MS, f"the loop stalled for {stalled:.0f} ms of CPU time"
        assert after["rss"] - before["rss"] < GROWTH_LIMIT_BYTES
        log = log_of(folder)
        assert "Traceback" not in log, log[-5000:]
        assert "Task exception" not in log, log[-5000:]
