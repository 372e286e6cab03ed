"""Makes a Python, and what it starts, believe that the kernel has no Landlock: with this folder in PYTHONPATH.

A seccomp filter answers the three system calls with ENOSYS, as a kernel without them does. It cannot be taken off.
"""

import ctypes
import errno
import struct

_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_MODE_FILTER = 2
_LOAD_WORD, _JUMP_IF_AT_LEAST, _JUMP_IF_GREATER, _RETURN = 0x20, 0x35, 0x25, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_FIRST, _LAST = 444, 446

_PROGRAM = (
    (_LOAD_WORD, 0, 0, 0),  # the number of the system call
    (_JUMP_IF_AT_LEAST, 0, 2, _FIRST),
    (_JUMP_IF_GREATER, 1, 0, _LAST),
    (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    (_RETURN, 0, 0, _ALLOW),
)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install() -> None:
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _PROGRAM)
    libc = ctypes.CDLL(None, use_errno=True)
    program = _Program(len(_PROGRAM), code)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "seccomp")


install()
