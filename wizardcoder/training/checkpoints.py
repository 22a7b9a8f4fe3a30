"""Checkpoints: a training that was stopped, killed or ran out of disk goes on from its last whole one.

In: what determines a run. Out: a folder outside DVC's outs (DVC deletes those before a run), named by a fingerprint of
it, so that another learning rate or other data never meets a foreign checkpoint. A checkpoint counts once its mark is
written, after all else; what a kill left half-written has none and is removed.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wizardcoder.core.bundled_wheels import sha256_of
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.disk import require_free_space
from wizardcoder.core.locks import hold_lock
from wizardcoder.core.records import replacing

MARK = "complete.json"
PREFIX = "checkpoint-"  # transformers' name
MODEL_FILES = (".safetensors", ".bin", ".json", ".model", ".txt")
SPARE_BYTES = 50_000_000  # tokenizer, configuration, metrics


@dataclass(slots=True)
class Spent:
    """What a run has taken so far, over all its restarts; `computed` tokens are those read and the padding."""

    seconds: float = 0.0
    tokens: int = 0
    computed: int = 0
    joules: float | None = None


def fingerprint(settings: Mapping[str, Any], rows: str, base: Path) -> str:
    """Hash what determines a run: settings, the hash of the training rows, and the base model's files."""
    files = sorted(path for path in base.glob("*") if path.is_file() and path.suffix in MODEL_FILES)
    parts = [settings, rows, {path.name: sha256_of(path) for path in files}]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def folder_of(key: str) -> Path:
    """Give a run's folder."""
    return cache_dir() / "checkpoints" / key


def locked(folder: Path) -> AbstractContextManager[None]:
    """Keep a run's folder to this process: two that write the same checkpoints would spoil them.

    Raises:
        StageError: another process trains in it.
    """
    return hold_lock(folder / "lock", "the same training runs already, in another process")


def last(folder: Path) -> Path | None:
    """Give the last whole checkpoint, if there is one."""
    found = [path for path in _all(folder) if (path / MARK).is_file()]
    return max(found, key=_step) if found else None


def remove_broken(folder: Path) -> None:
    """Remove what was being written when the run ended."""
    for path in _all(folder):
        if not (path / MARK).is_file():
            shutil.rmtree(path, ignore_errors=True)


def mark(checkpoint: Path, spent: Spent) -> None:
    """Declare a checkpoint whole, and remove those before it."""
    with replacing(checkpoint / MARK) as file:
        json.dump(asdict(spent), file)
    for path in _all(checkpoint.parent):
        if _step(path) < _step(checkpoint):
            shutil.rmtree(path, ignore_errors=True)


def spent_at(checkpoint: Path | None) -> Spent:
    """Give what the run had taken when it wrote this checkpoint."""
    if checkpoint is None:
        return Spent()
    return Spent(**json.loads((checkpoint / MARK).read_text(encoding="utf-8")))


def need_disk(folder: Path, needed_bytes: float, what: str) -> None:
    """Refuse to write what would fill the disk; some space is left for small files."""
    require_free_space(folder, needed_bytes, what, SPARE_BYTES)


def how_to_go_on(folder: Path) -> str:
    """Say where the last whole checkpoint is and how the run goes on from it."""
    checkpoint = last(folder)
    if checkpoint is None:
        return "no checkpoint was written yet"
    return f"the last good checkpoint is {checkpoint}; the same command goes on from it"


def with_nothing_changed(folder: Path) -> str:
    """Say what the last whole checkpoint is good for where the settings, the data or the machine were at fault."""
    checkpoint = last(folder)
    if checkpoint is None:
        return "no checkpoint was written yet"
    return f"with nothing changed it goes on from {checkpoint}, which helps only where the machine was at fault"


def _all(folder: Path) -> list[Path]:
    return [path for path in folder.glob(f"{PREFIX}*") if path.is_dir() and path.name[len(PREFIX) :].isdigit()]


def _step(path: Path) -> int:
    return int(path.name[len(PREFIX) :])
