"""Child processes that do not outlive their parent, even after kill -9.

Linux only. Not used inside the sandbox, whose modules import the standard library alone.
"""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def end_with_parent(signum: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends.

    Call it in the child, also as a `preexec_fn`: it makes one system call and takes no lock.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signum)


def adopt_orphans() -> None:
    """Make this process the parent of all processes below it whose own parent ends."""
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
