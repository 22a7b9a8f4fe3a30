"""Checkpoints: an interrupted training resumes from its last complete one.

They are stored outside DVC's outs, which DVC deletes before a run, in a folder named by a fingerprint of the run. So a
run with another learning rate or other data never loads a foreign checkpoint. A checkpoint is complete once its marker
file exists, which is written last. Incomplete ones, left by a kill, are removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir, create_cache_folder
from wizardcoder.core.disk import require_free_space
from wizardcoder.core.dvc_locks import wait_for_orphans
from wizardcoder.core.locks import hold_lock
from wizardcoder.core.model_files import hash_model_files
from wizardcoder.core.records import replacing

MARKER = "complete.json"
PREFIX = "checkpoint-"  # transformers' name
SPARE_BYTES = 50_000_000  # tokenizer, configuration, metrics


@dataclass(slots=True)
class ResourcesUsed:
    """What a run has used so far, over all its restarts; `computed` tokens include padding."""

    seconds: float = 0.0
    tokens: int = 0
    computed: int = 0
    joules: float | None = None


def fingerprint(settings: Mapping[str, Any], rows: str, base: Path) -> str:
    """Return a hash of everything that determines a run: settings, hash of the rows, files of the base model."""
    parts = [settings, rows, hash_model_files(base)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def folder_of(key: str) -> Path:
    """Return the folder of the run with this fingerprint."""
    return cache_dir() / "checkpoints" / key


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run's folder, because two processes would corrupt each other's checkpoints.

    A training that a killed DVC process left behind still ends for a while; it is awaited.

    Raises:
        StageError: another process trains in it, or it cannot be written.
    """
    create_cache_folder(folder)
    wait_for_orphans(Path(os.environ.get("DVC_ROOT", ".")), console.say)
    with hold_lock(folder / "lock", "another process already runs this training"):
        yield


def last(folder: Path) -> Path | None:
    """Return the last complete checkpoint, or None."""
    found = [path for path in _all(folder) if (path / MARKER).is_file()]
    return max(found, key=_step) if found else None


def remove_incomplete(folder: Path) -> None:
    """Remove the checkpoints that were being written when the run ended."""
    for path in _all(folder):
        if not (path / MARKER).is_file():
            shutil.rmtree(path, ignore_errors=True)


def mark_complete(checkpoint: Path, used: ResourcesUsed) -> None:
    """Mark a checkpoint as complete, and remove the older ones."""
    with replacing(checkpoint / MARKER) as file:
        json.dump(asdict(used), file)
    for path in _all(checkpoint.parent):
        if _step(path) < _step(checkpoint):
            shutil.rmtree(path, ignore_errors=True)


def used_at(checkpoint: Path | None) -> ResourcesUsed:
    """Return what the run had used when it wrote this checkpoint."""
    if checkpoint is None:
        return ResourcesUsed()
    return ResourcesUsed(**json.loads((checkpoint / MARKER).read_text(encoding="utf-8")))


def need_disk(folder: Path, needed_bytes: float, what: str) -> None:
    """Refuse to write what does not fit on the disk; some space is left for small files."""
    require_free_space(folder, needed_bytes, what, SPARE_BYTES)


def resume_hint(folder: Path) -> str:
    """Return how to resume after an error that does not come from the settings or the data."""
    checkpoint = last(folder)
    if checkpoint is None:
        return "no checkpoint was written yet"
    return f"the same command resumes from the last complete checkpoint, {checkpoint}"


def unchanged_hint(folder: Path) -> str:
    """Return what a rerun does if neither settings nor data are changed."""
    checkpoint = last(folder)
    if checkpoint is None:
        return "no checkpoint was written yet"
    return f"re-running unchanged resumes from {checkpoint}, which only helps if the hardware was at fault"


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"{PREFIX}*") if path.is_dir() and path.name[len(PREFIX) :].isdigit()]


def _step(path: Path) -> int:
    return int(path.name[len(PREFIX) :])
