"""Full garbage collections during calls are rare, and cost next to nothing for what the start left."""

from __future__ import annotations

import functools
import subprocess
import sys

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
