"""A full garbage collection during calls costs next to nothing."""

from __future__ import annotations

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
"""


def test_what_the_start_left_is_not_walked_again() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert float(run.stdout) > 10
