"""One state of the project: the workspace, or a git revision; its files, and who last changed an entry of dvc.lock.

In: a path inside the project. Out: its content, taken from the workspace or from git, and for what DVC keeps from its
cache or remote. Nothing is checked out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any, TypeVar

from ruamel.yaml import YAML

from wizardcoder.core import git
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE
from wizardcoder.lineage.lock import LOCK, Step, entry_lines, read_lock

T = TypeVar("T")


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
        """Open a file, or give None where there is none; what DVC keeps need not be checked out.

        Raises:
            StageError: DVC knows the file, but neither its cache nor its remote has it.
        """
        if self.rev is None and Path(path).is_file():
            return Path(path).open("rb")
        return self._asked_dvc(path, lambda files: files.open(path))

    def files(self, folder: str) -> list[str]:
        """Give the paths of all files below a folder, as seen from it; what .dvcignore names is left out."""
        found = self._asked_dvc(folder, lambda files: files.find(folder)) or []
        return sorted(Path(path.lstrip("/")).relative_to(folder).as_posix() for path in found)

    def read(self, path: str) -> bytes | None:
        """Read a whole file, or give None where there is none."""
        file = self.open(path)
        if file is None:
            return None
        with file:
            return file.read()

    def has(self, path: str) -> bool:
        """Say whether there is such a file."""
        file = self.open(path)
        if file is not None:
            file.close()
        return file is not None

    @cached_property
    def lock_text(self) -> str:
        """The text of dvc.lock, empty where there is none."""
        return (self.read(LOCK) or b"").decode()

    @cached_property
    def steps(self) -> dict[str, Step]:
        """The steps of dvc.lock by name."""
        return read_lock(self.lock_text) if self.lock_text else {}

    @cached_property
    def params(self) -> dict[str, Any]:
        """What params.yaml holds, as plain values; empty where there is none."""
        return YAML(typ="safe", pure=True).load(self.read(str(PARAMS_FILE)) or b"") or {}

    @cached_property
    def _committed_lock(self) -> str:
        if self.rev:
            return self.lock_text
        commit = git.commit_of("HEAD") if git.in_repository() else None
        return (git.read_committed(commit, LOCK) or "") if commit else ""

    @cached_property
    def _committed_steps(self) -> dict[str, Step]:
        return self.steps if self._committed_lock == self.lock_text else read_lock(self._committed_lock)

    @cached_property
    def _files(self) -> Any:  # noqa: ANN401 - a DVCFileSystem
        """DVC's view of the project's files, None outside a project of DVC."""
        from dvc.api import DVCFileSystem
        from dvc.exceptions import DvcException

        try:
            return DVCFileSystem(url=".", rev=self.rev)
        except DvcException:
            return None

    def _asked_dvc(self, path: str, ask: Callable[[Any], T]) -> T | None:
        from dvc.exceptions import DvcException
        from dvc_data.index import DataIndexDirError

        try:
            return None if self._files is None else ask(self._files)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except (DvcException, DataIndexDirError) as exc:
            raise StageError(
                f"{path}: neither here nor in DVC's cache nor in its remote; `dvc pull` or `dvc repro` gets it"
            ) from exc

    def last_change(self, stage: str) -> Commit | None:
        """Give the commit that last changed a stage's entry in dvc.lock, or None where that is not committed."""
        if not self._committed_lock or self._committed_steps.get(stage) != self.steps[stage]:
            return None
        lines = entry_lines(self._committed_lock, stage)
        assert lines is not None, "an entry that was read has its lines"
        first, last = lines
        told = git.run_git(
            "log", "-1", "-s", f"-L{first},{last}:{LOCK}", "--format=%H%x00%as%x00%s", self.rev or "HEAD"
        )
        return Commit(*told.rstrip("\n").split("\0")) if told else None


def head() -> Commit | None:
    """Give the commit that the workspace stands on, or None outside git."""
    if not git.in_repository() or git.commit_of("HEAD") is None:
        return None
    return Commit(*git.run_git("log", "-1", "--format=%H%x00%as%x00%s").split("\0"))


def dirty() -> list[str]:
    """Give the files of the workspace that differ from the commit, those that git does not know left out."""
    return git.changed_files() if git.in_repository() else []
