"""System calls that Python's os module does not have, by ctypes. Linux on x86-64 and ARM64. Standard library only.

Landlock and namespaces are used by their bare system calls: a package would import platform, tempfile and subprocess
into every sample's process.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Any

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x02000000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 1024, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_KEEPCAPS, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 8, 22, 38
SYS_PIVOT_ROOT, SYS_CAPSET, SYS_PRCTL, SYS_PRLIMIT, SYS_UNSHARE, SYS_SETNS = {
    "x86_64": (155, 126, 157, 302, 272, 308),
    "aarch64": (41, 91, 167, 261, 97, 268),
}.get(os.uname().machine, (-1,) * 6)
SYS_MOUNT_SETATTR, SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD_RULE, SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446
_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
SystemCall = tuple[Any, ...]  # its number and arguments, as ctypes takes them


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library.

    Raises:
        OSError: it returned less than 0.
    """
    result = getattr(_libc, name)(*[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments])
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return int(result)


def prepared_call(number: int, *arguments: int | bytes | None) -> SystemCall:
    """Return a system call with its arguments converted, for `make_calls`."""
    return tuple(ctypes.c_long(a) if isinstance(a, int) else a for a in (number, *arguments))


def make_calls(calls: list[SystemCall]) -> None:
    """Make system calls whose arguments were converted before the fork.

    This is the cheapest way for a sample's process: each Python object first touched in the child is a page that the
    kernel copies.
    """
    for arguments in calls:
        if _syscall(*arguments) < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"system call {arguments[0].value}: {os.strerror(number)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount a file system; raises OSError."""
    texts = [None if text is None else text.encode() for text in (source, target, kind)]
    call("mount", *texts, flags, None if data is None else data.encode())


def install_seccomp_filter(seccomp: bytes) -> None:
    """Put a compiled seccomp filter on this process and all that it forks."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = ctypes.create_string_buffer(seccomp, len(seccomp))
    filter_program = struct.pack("HxxxxxxQ", len(seccomp) // 8, ctypes.addressof(program))
    call("prctl", PR_SET_SECCOMP, 2, filter_program, 0, 0)
