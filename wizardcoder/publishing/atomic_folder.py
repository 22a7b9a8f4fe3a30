"""A folder that one command owns: it appears whole or not at all, and never takes the place of anyone else's files.

In: a function that fills an empty folder. Out: that folder under its name, with export.json, which lists every file
and its hash; by it a later export knows what it may replace.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError

MARK = "export.json"
WRITER = "wizardcoder export"


@contextmanager
def replacing_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes `out`'s place when the block ends without an error.

    Raises:
        StageError: `out` is there and is not, or not only, what an earlier export wrote.
    """
    reason = foreign(out)
    if reason is not None:
        raise StageError(f"--out: {out}: {reason}; nothing is overwritten, name another folder")
    filling, old = (out.with_name(f".{out.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    try:
        filling.mkdir(parents=True)
        yield filling
        mark(filling)
        if out.exists():
            out.rename(old)
        try:
            filling.rename(out)
        except OSError:
            if old.exists():
                old.rename(out)
            raise
    except OSError as exc:
        raise StageError(f"--out: {out}: cannot be written: {exc.strerror or exc}") from exc
    finally:
        shutil.rmtree(filling, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def foreign(out: Path) -> str | None:
    """Say why a folder may not be replaced, or None where it may: absent, empty, or as an export left it."""
    if not out.exists() and not out.is_symlink():
        return None
    if not out.is_dir() or out.is_symlink():
        return "is not a folder"
    found = {name: _sha256(out / name) for name in _names(out)}
    if not found:
        return None
    own = listed((out / MARK).read_text(encoding="utf-8")) if (out / MARK).is_file() else None
    if own is None:
        return "holds files that no export wrote"
    other = sorted(name for name in found.keys() | own.keys() if found.get(name) != own.get(name) and name != MARK)
    return f"{other[0]} is not as an export wrote it" if other else None


def listed(text: str) -> dict[str, str] | None:
    """Read an export.json: file to hash, or None where it is no such file."""
    try:
        content: Any = json.loads(text)
        return dict(content["files"]) if content["written_by"] == WRITER else None
    except (ValueError, LookupError, TypeError):
        return None


def mark(folder: Path) -> None:
    """Write export.json into a filled folder."""
    files: dict[str, Path | bytes] = {name: folder / name for name in _names(folder)}
    (folder / MARK).write_bytes(mark_text(files))


def mark_text(files: Mapping[str, Path | bytes]) -> bytes:
    """Give the export.json of these files."""
    content = {"written_by": WRITER, "files": {name: _sha256(source) for name, source in files.items()}}
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _names(folder: Path) -> list[str]:
    """Give the files below a folder by their path there."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
