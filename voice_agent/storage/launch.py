"""Starts a program that dies with its parent, optionally as another user. Run as a script, never imported.

`python -I -S launch.py PARENT_PID UID GID PROGRAM ARGUMENT…`; UID -1 keeps the user. It is a process of its own
because the parent is multi-threaded: Python code between fork and exec (`preexec_fn`) could deadlock there. The order
matters: the kernel forgets the death signal when the user changes, and keeps it across exec.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, uid, gid = (int(value) for value in arguments[:3])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    # SIGINT is Postgres' "fast shutdown": a clean end even when the parent was killed.
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(0o077)
    os.execv(arguments[3], arguments[3:])  # noqa: S606 - the purpose of this script


if __name__ == "__main__":
    main(sys.argv[1:])
