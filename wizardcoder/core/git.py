"""Asking git about this repository, with one-line errors when git is missing or fails.

A failing git is always an error: an empty `git status` must mean that nothing has changed.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import PurePath

from wizardcoder.core.console import StageError


def run_git(*args: str) -> str:
    """Run git in this folder and return what it prints, without the last line end.

    Raises:
        StageError: git is not installed, or fails; with the last line of its message.
    """
    done = _git(*args)
    if done.returncode != 0:
        raise StageError(f"git {args[0]}: {_last_line(done.stderr)}")
    return done.stdout.removesuffix("\n")


def in_repository() -> bool:
    """Return whether this folder belongs to a git repository.

    Raises:
        StageError: git is not installed, or refuses the repository (as one of another owner).
    """
    done = _git("rev-parse", "--git-dir")
    if done.returncode != 0 and "not a git repository" not in done.stderr:
        raise StageError(f"git rev-parse: {_last_line(done.stderr)}")
    return done.returncode == 0


def commit_of(revision: str) -> str | None:
    """Return the hash of the commit that a revision names, None if there is none.

    Raises:
        StageError: git is not installed, or this is not a repository.
    """
    if not in_repository():
        raise StageError("git: this folder does not belong to a git repository")
    done = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    return done.stdout.strip() or None


def read_committed(commit: str, path: PurePath | str) -> str | None:
    """Return a file, named from this folder, as a commit holds it; None if the commit does not hold it.

    Raises:
        StageError: there is no such commit, or git fails.
    """
    name = PurePath(path).as_posix()
    done = _git("show", f"{commit}:./{name}")
    if done.returncode == 0:
        return done.stdout
    if run_git("ls-tree", "--name-only", commit, "--", name):
        raise StageError(f"git show: {_last_line(done.stderr)}")
    return None


def changed_files(*pathspecs: str) -> list[str]:
    """Return the tracked files that differ from the commit that is checked out.

    Raises:
        StageError: git is not installed, or fails.
    """
    status = run_git("status", "--porcelain", "--untracked-files=no", *(("--", *pathspecs) if pathspecs else ()))
    return [line[3:] for line in status.splitlines()]


def _git(*args: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *args],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C"},  # messages are compared
        )
    except OSError as exc:
        raise StageError(f"git: cannot be run: {exc.strerror}; install git, or add it to PATH") from exc


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1].removeprefix("fatal: ")
