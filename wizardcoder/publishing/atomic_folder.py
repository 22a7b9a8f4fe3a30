"""Write a folder whole or not at all, without replacing files of others.

In: a block that fills an empty folder. Out: that folder under its name, with export.json, which lists every file and
its hash; a later export replaces a folder only if it matches its list.
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

MANIFEST = "export.json"
WRITER = "wizardcoder export"
EARLIER_WRITERS = ("python -m stages.export", "python -m wizardcoder.cli.export")


@contextmanager
def replacing_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `out` when the block ends without an error.

    Raises:
        StageError: `out` exists and contains anything that no export wrote.
    """
    reason = refuse_reason(out)
    if reason is not None:
        raise StageError(f"--out: {out}: {reason}; nothing was overwritten, choose another folder")
    filling, old = (out.with_name(f".{out.name}.{os.getpid()}.{end}") for end in ("tmp", "old"))
    try:
        filling.mkdir(parents=True)
        yield filling
        write_manifest(filling)
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


def refuse_reason(out: Path) -> str | None:
    """Return why a folder may not be replaced; None where it is absent, empty, or as an export wrote it."""
    if not out.exists() and not out.is_symlink():
        return None
    if not out.is_dir() or out.is_symlink():
        return "is not a folder"
    found = {name: _sha256(out / name) for name in _names(out)}
    if not found:
        return None
    known = read_manifest((out / MANIFEST).read_text(encoding="utf-8")) if (out / MANIFEST).is_file() else None
    if known is None:
        return "contains files that no export wrote"
    other = sorted(
        name for name in found.keys() | known.keys() if found.get(name) != known.get(name) and name != MANIFEST
    )
    return f"{other[0]} was added or changed since the export" if other else None


def read_manifest(text: str) -> dict[str, str] | None:
    """Return the files and hashes of an export.json; None where the text is not one."""
    try:
        content: Any = json.loads(text)
        return dict(content["files"]) if content["written_by"] in (WRITER, *EARLIER_WRITERS) else None
    except (ValueError, LookupError, TypeError):
        return None


def write_manifest(folder: Path) -> None:
    """Write export.json into a filled folder."""
    files: dict[str, Path | bytes] = {name: folder / name for name in _names(folder)}
    (folder / MANIFEST).write_bytes(manifest_text(files))


def manifest_text(files: Mapping[str, Path | bytes]) -> bytes:
    """Return the export.json of these files."""
    content = {"written_by": WRITER, "files": {name: _sha256(source) for name, source in files.items()}}
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _names(folder: Path) -> list[str]:
    """Return the files inside a folder by their path in it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


def _sha256(source: Path | bytes) -> str:
    if isinstance(source, bytes):
        return hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
