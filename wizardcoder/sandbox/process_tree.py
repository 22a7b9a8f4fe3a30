"""The processes below a process, and their memory, as /proc shows them. Linux only."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def children_of(pid: int) -> list[int]:
    """Return the process ids of a process's children; none if it has ended."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it ended
        for thread in Path(f"/proc/{pid}/task").iterdir():  # a child belongs to the thread that forked it
            found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def descendants_of(pids: list[int]) -> list[int]:
    """Return the process ids of all processes below these, without these."""
    found: list[int] = []
    parents = pids
    while parents:
        parents = [child for parent in parents for child in children_of(parent)]
        found += parents
    return found


def resident_mb(pid: int) -> float:
    """Return a process's resident memory in MB, also if its main thread has exited: then /proc/PID/statm is empty."""
    process = Path(f"/proc/{pid}")
    pages = _resident_pages(process)
    if not pages:
        with contextlib.suppress(OSError):  # it has ended
            pages = max(map(_resident_pages, (process / "task").iterdir()), default=0)
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _resident_pages(task: Path) -> int:
    """Return the resident pages of a process or thread; 0 if it has ended."""
    try:
        return int((task / "statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
