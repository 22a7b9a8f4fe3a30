"""Where what must outlive a stage is kept: answers, references, checkpoints."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Give the folder for what must outlive a stage: answers, checkpoints.

    It lies outside DVC's outs, since DVC deletes those before a run. DVC sets DVC_ROOT to the project also for
    temporary and queued experiments, so that all of them share one folder.
    """
    return Path(os.environ.get("WC_CACHE_DIR") or Path(os.environ.get("DVC_ROOT", ".")) / ".cache")
