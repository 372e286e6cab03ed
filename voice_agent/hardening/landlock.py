"""Forbids this process, for good, to create or write files, except below an allow-list: audio cannot reach a disk.

Landlock is a Linux security module that an unprivileged process applies to itself; children inherit it and nothing
lifts it. It holds for every way to a file, native code and child processes included, which no patching of `open`
does. Sockets, pipes, memory files and descriptors opened before are not affected, and neither is reading.

The three system calls have no wrapper in libc. Numbers, structures and flags: `linux/landlock.h`, and
https://docs.kernel.org/userspace-api/landlock.html.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from collections.abc import Sequence
from pathlib import Path

_SYS_CREATE_RULESET = 444
_SYS_ADD_RULE = 445
_SYS_RESTRICT_SELF = 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

_WRITE_FILE = 1 << 1
_REFER = 1 << 13  # since ABI 2
_TRUNCATE = 1 << 14  # since ABI 3
_ENTRIES = sum(1 << bit for bit in range(4, 13))
"""Removing and making directory entries of every kind: REMOVE_DIR, REMOVE_FILE, MAKE_CHAR … MAKE_SYM."""

_THREADS = "/proc/self/task"

_libc = ctypes.CDLL(None, use_errno=True)
_in_force = False


class LandlockError(Exception):
    """The kernel has no Landlock, or refused it."""


def supported() -> int:
    """The kernel's Landlock ABI (1 or more), or 0 where it has none or it is switched off."""
    version = ctypes.c_uint(_CREATE_RULESET_VERSION)
    return max(0, int(_libc.syscall(_SYS_CREATE_RULESET, None, ctypes.c_size_t(0), version)))


def restrict(allow_write: Sequence[Path] = ()) -> int:
    """Forbids file creation, writing, truncation and removal everywhere but below `allow_write`; returns the ABI.

    Call it before the first thread starts: it binds the calling thread and what that starts later. Each path must
    exist; a directory allows everything below it, a file only itself. `/dev/null` stays writable without asking.
    Below ABI 3 the kernel cannot forbid truncation of existing files. Raises LandlockError, OSError for a missing
    path, and RuntimeError when other threads already run (they would stay free), those of native libraries included:
    importing NumPy starts some.
    """
    global _in_force  # noqa: PLW0603 - as the restriction: of the process, and for good
    abi = supported()
    if abi == 0:
        raise LandlockError("this kernel has no Landlock")
    if len(os.listdir(_THREADS)) > 1:
        raise RuntimeError("Landlock must be applied before other threads start")
    file_rights = _WRITE_FILE | (_TRUNCATE if abi >= 3 else 0)
    handled = file_rights | _ENTRIES | (_REFER if abi >= 2 else 0)
    attributes = struct.pack("=Q", handled)
    ruleset = _call(_SYS_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0))
    try:
        for path in (Path(os.devnull), *allow_write):
            _allow(ruleset, path, handled, file_rights)
        if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise LandlockError(os.strerror(ctypes.get_errno()))
        _call(_SYS_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)
    _in_force = True
    return abi


def in_force() -> bool:
    """Whether this process has restricted itself. A restriction that it inherited does not count."""
    return _in_force


def _allow(ruleset: int, path: Path, tree_rights: int, file_rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = tree_rights if stat.S_ISDIR(os.fstat(descriptor).st_mode) else file_rights
        rule = struct.pack("=Qi", rights, descriptor)
        _call(_SYS_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_RULE_PATH_BENEATH), rule, ctypes.c_uint(0))
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise LandlockError(os.strerror(ctypes.get_errno()))
    return result
