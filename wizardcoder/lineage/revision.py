"""Read one state of the project: the workspace, or a git revision.

In: a path inside the project. Out: its content, from the workspace or git, or from DVC's cache or remote for what DVC
keeps; dvc.lock, params.yaml, and the commit that last changed an entry of dvc.lock. Nothing is checked out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from ruamel.yaml import YAML

from wizardcoder.core import git
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.lineage.dvc_internals import DvcFiles
from wizardcoder.lineage.lock import LOCK_FILE, LockedStage, entry_lines, read_lock


@dataclass(frozen=True, slots=True)
class Commit:
    """A git commit."""

    id: str
    date: str
    title: str


class Revision:
    """The workspace where `rev` is None, else what git and DVC hold of that revision."""

    def __init__(self, rev: str | None = None) -> None:
        self.rev = None if rev is None else git.commit_of(rev)
        if rev is not None and self.rev is None:
            raise StageError(f"--rev: {rev}: git knows no such revision here")

    def open(self, path: str) -> IO[bytes] | None:
        """Open a file, or return None where there is none; what DVC keeps need not be checked out.

        Raises:
            DataUnavailableError: DVC knows the file, but neither its cache nor its remote has it.
        """
        if self.rev is None and Path(path).is_file():
            return Path(path).open("rb")
        return self._files.ask(path, lambda files: files.open(path))

    def files(self, folder: str) -> list[str]:
        """Return the files inside a folder by their path in it, without those that .dvcignore excludes."""
        found = self._files.ask(folder, lambda files: files.find(folder)) or []
        return sorted(Path(path.lstrip("/")).relative_to(folder).as_posix() for path in found)

    def read(self, path: str) -> bytes | None:
        """Read a whole file, or return None where there is none."""
        file = self.open(path)
        if file is None:
            return None
        with file:
            return file.read()

    def has(self, path: str) -> bool:
        """Return whether there is such a file."""
        file = self.open(path)
        if file is not None:
            file.close()
        return file is not None

    @cached_property
    def lock_text(self) -> str:
        """The text of dvc.lock, empty where there is none."""
        return (self.read(str(LOCK_FILE)) or b"").decode()

    @cached_property
    def stages(self) -> dict[str, LockedStage]:
        """The stages of dvc.lock by name."""
        return read_lock(self.lock_text) if self.lock_text else {}

    @cached_property
    def params(self) -> dict[str, Any]:
        """The content of params.yaml as plain values, empty where there is none."""
        return YAML(typ="safe", pure=True).load(self.read(str(PARAMS_FILE)) or b"") or {}

    @cached_property
    def _committed_lock(self) -> str:
        if self.rev:
            return self.lock_text
        commit = git.commit_of("HEAD") if git.in_repository() else None
        return (git.read_committed(commit, LOCK_FILE) or "") if commit else ""

    @cached_property
    def _committed_stages(self) -> dict[str, LockedStage]:
        return self.stages if self._committed_lock == self.lock_text else read_lock(self._committed_lock)

    @cached_property
    def _files(self) -> DvcFiles:
        return DvcFiles(self.rev)

    def last_change(self, stage: str) -> Commit | None:
        """Return the commit that last changed a stage's entry in dvc.lock, None where the entry is not committed."""
        if not self._committed_lock or self._committed_stages.get(stage) != self.stages[stage]:
            return None
        lines = entry_lines(self._committed_lock, stage)
        assert lines is not None, "an entry that was read has its lines"
        first, last = lines
        line = git.run_git(
            "log", "-1", "-s", f"-L{first},{last}:{LOCK_FILE}", "--format=%H%x00%as%x00%s", self.rev or "HEAD"
        )
        return Commit(*line.rstrip("\n").split("\0")) if line else None


def head_commit() -> Commit | None:
    """Return the commit that is checked out, None outside git or before the first commit."""
    if not git.in_repository() or git.commit_of("HEAD") is None:
        return None
    return Commit(*git.run_git("log", "-1", "--format=%H%x00%as%x00%s").split("\0"))


def uncommitted_files() -> list[str]:
    """Return the tracked files that differ from the commit that is checked out; none outside git."""
    return git.changed_files() if git.in_repository() else []
