"""The folder for what must outlive a stage: paid answers, verdicts, references, embeddings, checkpoints."""

from __future__ import annotations

import os
from pathlib import Path

from wizardcoder.core.console import StageError


def cache_dir() -> Path:
    """Return the cache folder: $WC_CACHE_DIR, else `.cache` in the project. It may not exist yet.

    It is outside of DVC's outs, since DVC deletes those before a run. DVC sets DVC_ROOT to the project also for
    temporary and queued experiments, so all of them share one folder.
    """
    return Path(os.environ.get("WC_CACHE_DIR") or Path(os.environ.get("DVC_ROOT", ".")) / ".cache")


def create_cache_folder(folder: Path) -> None:
    """Create a folder of the cache, if need be.

    Raises:
        StageError: it cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = None if os.access(folder, os.W_OK | os.X_OK) else "no permission to write"
    except OSError as exc:
        reason = exc.strerror
    if reason:
        raise StageError(f"{folder}: the cache cannot be written: {reason}; set WC_CACHE_DIR to a folder that can be")
