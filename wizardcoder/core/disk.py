"""Free disk space."""

from __future__ import annotations

import shutil
from pathlib import Path

from wizardcoder.core.console import StageError

GB = 1e9


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder."""
    return shutil.disk_usage(folder).free


def require_free_space(folder: Path, needed_bytes: float, what: str, spare_bytes: int = 0) -> None:
    """Refuse to start what would fill the disk.

    Args:
        folder: an existing folder on the disk.
        needed_bytes: the size of `what`.
        what: the error names it.
        spare_bytes: must remain free.

    Raises:
        StageError: fewer bytes are free than both together.
    """
    free = free_bytes(folder)
    if free < needed_bytes + spare_bytes:
        raise StageError(f"{folder}: {free / GB:.1f} GB free, {what} needs {needed_bytes / GB:.1f} GB")
