"""The memory of a process that holds live audio reaches neither a core file nor another process."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import ctypes, resource, subprocess, sys
from voice_agent.hardening import process
PR_GET_DUMPABLE = 3
def sealed():
    dumpable = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)
    return dumpable == 0 and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
before = sealed()
process.seal_memory()
child = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
limits = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True).stdout.strip()
print(before, sealed(), limits)
"""


def test_core_files_and_foreign_reads_are_off_for_the_process_and_core_files_for_its_children() -> None:
    run = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "False True (0, 0)"
