"""Locks between processes of one machine, each a file; the kernel releases them when their process ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from wizardcoder.core.console import StageError

WAIT_FOREVER = -1


@contextmanager
def hold_lock(path: Path, busy: str | None = None) -> Iterator[None]:
    """Hold a lock file, whose folder is created if need be.

    Args:
        path: the lock file.
        busy: the error if another process holds it; without one, wait for that process.

    Raises:
        StageError: another process holds the lock, or the file cannot be written.
    """
    lock = FileLock(path, timeout=WAIT_FOREVER if busy is None else 0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as exc:
        raise StageError(f"{path}: {busy}") from exc
    except OSError as exc:
        raise StageError(f"{path}: cannot be written: {exc.strerror}") from exc
    try:
        yield
    finally:
        lock.release()
