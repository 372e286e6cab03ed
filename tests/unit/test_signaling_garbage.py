"""Full garbage collections during calls are rare, and cost next to nothing for what the start left."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys

from scripts import autojump
from signaling.garbage import EndedCalls

SCRIPT = """
import gc, time
import signaling.services
from signaling.garbage import freeze_start

def collection():
    start = time.thread_time()
    gc.collect()
    return time.thread_time() - start

gc.collect()
before = collection()
freeze_start()
print(before / max(collection(), 1e-6))

full = gc.get_stats()[2]["collections"]
many = [[number] for number in range(200_000)]
print(gc.get_stats()[2]["collections"] - full)
"""


@functools.cache
def measured() -> tuple[float, int]:
    """In a process of its own: how many times less a full collection costs, and how many there were."""
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    ratio, collections = run.stdout.split()
    return float(ratio), int(collections)


def test_what_the_start_left_is_not_walked_again() -> None:
    assert measured()[0] > 10


def test_calls_that_come_in_are_not_walked_each_time_there_are_a_quarter_more() -> None:
    assert measured()[1] == 0


def test_ended_calls_are_collected_when_there_are_as_many_as_live_ones() -> None:
    async def counts() -> list[int]:
        live = [4, 4, 3, 2, 1]
        collections: list[None] = []
        ended = EndedCalls(lambda: live[0], lambda: collections.append(None))
        counts = []
        while live:
            ended.one_more()
            await asyncio.sleep(2)
            counts.append(len(collections))
            live.pop(0)
        return counts

    assert autojump.run(counts()) == [0, 0, 1, 1, 2]


def test_calls_that_end_together_are_collected_in_one_go() -> None:
    async def count() -> int:
        live = 500
        collections: list[None] = []
        ended = EndedCalls(lambda: live, lambda: collections.append(None))
        while live:
            ended.one_more()
            live -= 1
        assert not collections
        await asyncio.sleep(2)
        return len(collections)

    assert autojump.run(count()) == 1
