"""A failing git is an error, and an absent file is not."""

from __future__ import annotations

import subprocess

import pytest

from wizardcoder.core import git
from wizardcoder.core.console import StageError

pytestmark = pytest.mark.heavy


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.c")
    subprocess.run(["git", "init", "-q", "-b", "main"], check=True)
    (tmp_path / "a b.txt").write_text("first\n\n")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "-qm", "First"], check=True)
    return tmp_path


def test_a_committed_file_is_read_as_it_is(repository):
    assert git.read_committed("HEAD", "a b.txt") == "first\n\n"


def test_a_file_is_named_from_the_folder_where_one_is(repository, monkeypatch):
    (repository / "below").mkdir()
    monkeypatch.chdir("below")
    assert git.read_committed("HEAD", "a b.txt") is None
    assert git.read_committed("HEAD", "../a b.txt") == "first\n\n"


def test_a_file_that_the_commit_does_not_hold_is_none(repository):
    assert git.read_committed("HEAD", "none.txt") is None


def test_a_commit_that_does_not_exist_is_an_error(repository):
    with pytest.raises(StageError, match=r"^git ls-tree: "):
        git.read_committed("0" * 40, "a b.txt")


def test_a_revision_is_resolved(repository):
    assert git.commit_of("main") == git.run_git("rev-parse", "HEAD")
    assert git.commit_of("nosuch") is None
    assert git.commit_of("--all") is None


def test_only_changed_files_are_listed(repository):
    assert git.changed_files() == []
    (repository / "a b.txt").write_text("second")
    (repository / "untracked.txt").write_text("")
    assert git.changed_files() == ['"a b.txt"']
    assert git.changed_files(".", ":!a b.txt") == []


def test_outside_a_repository_nothing_reads_as_clean(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert not git.in_repository()
    with pytest.raises(StageError, match=r"^git status: not a git repository"):
        git.changed_files()
    with pytest.raises(StageError, match="does not belong to a git repository"):
        git.commit_of("HEAD")


def test_a_failing_status_is_an_error_and_not_clean(repository):
    (repository / ".git" / "index").write_bytes(b"broken")
    with pytest.raises(StageError, match=r"^git status: "):
        git.changed_files()


def test_without_git_the_error_says_so(repository, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StageError, match=r"^git: cannot be run: No such file or directory; install git"):
        git.run_git("status")
