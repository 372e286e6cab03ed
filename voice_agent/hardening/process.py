"""Keeps the process's memory, which holds live audio, out of core files and away from other processes.

This guards one process; what it may write is the business of `landlock.py`. It also ties a process to its parent.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4


def seal_memory() -> None:
    """No core file (RLIMIT_CORE 0, hard limit too, so children inherit it) and no ptrace or /proc/self/mem by others.

    PR_SET_DUMPABLE is per process and reset by execve, so each process of ours calls this for itself.
    Raises OSError when the kernel refuses.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def end_with_parent(parent: int) -> None:
    """This process gets SIGTERM when the process `parent`, which started it, ends however it ends.

    Raises OSError when the kernel refuses, ProcessLookupError when the parent is gone already.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    if os.getppid() != parent:
        raise ProcessLookupError
