"""The scores of earlier runs, read from git: experiments, and commits after a revision that the user names."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.experiments.run_history import (
    CommittedRun,
    RunHistory,
    find_runs,
    read_history,
    update_history,
    write_history,
)

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1700000000 +0000")

    def call(*args):
        return subprocess.run(["git", *args], check=True, capture_output=True, text=True).stdout.strip()

    call("init", "--quiet")
    call("config", "user.name", "test")
    call("config", "user.email", "test@example.invalid")
    return call


def commit(git, tmp_path, title, score, rounds="[0, 1]"):
    (tmp_path / "metrics").mkdir(exist_ok=True)
    (tmp_path / "metrics/evaluate.json").write_text(json.dumps({"dev.pass_at_1": score, "mode": "strict"}))
    (tmp_path / "params.yaml").write_text(f"merge:\n  rounds: {rounds}\nseed: {{limit: 20}}\n")
    git("add", ".")
    git("commit", "--quiet", "-m", title)
    return git("rev-parse", "HEAD")


def run(name, kind, commit, changed, rounds, score):
    return CommittedRun(name, kind, commit[:7], 1700000000, changed, rounds, {"dev.pass_at_1": score})


@pytest.fixture
def experiment(git, tmp_path):
    """A history of two runs, the second mine, and an experiment that starts from the first."""
    first = commit(git, tmp_path, "The authors' run", 0.25)
    tried = commit(git, tmp_path, "dvc: commit experiment", 0.5, rounds="[0]")
    git("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/seed-only", tried)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", tried)
    git("reset", "--quiet", "--hard", first)
    (tmp_path / "note").write_text("no score")
    git("add", ".")
    git("commit", "--quiet", "-m", "A note")
    mine = commit(git, tmp_path, "My run", 0.75, rounds="[0, 1, 2]")
    return first, tried, mine


def test_without_a_revision_only_experiments_count(experiment):
    _, tried, _ = experiment
    assert find_runs(None) == RunHistory(
        None, [run("seed-only", "experiment", tried, {"merge.rounds": "[0]"}, [0], 0.5)]
    )


def test_commits_after_the_revision_count_and_the_revision_itself_does_not(experiment):
    first, _, mine = experiment
    found = find_runs(first[:10])
    assert found.since == first
    assert [r for r in found.runs if r.kind == "commit"] == [run("My run", "commit", mine, {}, [0, 1, 2], 0.75)]


def test_the_revision_is_remembered(experiment, tmp_path):
    first, _, _ = experiment
    file = tmp_path / "experiments.json"
    assert update_history(path=file).since is None
    written = update_history(first, file)
    assert {r.name for r in written.runs} == {"seed-only", "My run"}
    assert update_history(path=file) == written == read_history(file)


def test_a_new_clone_has_no_runs(experiment, tmp_path, git, monkeypatch):
    git("clone", "--quiet", str(tmp_path), str(tmp_path / "clone"))
    monkeypatch.chdir(tmp_path / "clone")
    assert find_runs(None).runs == []


def test_the_history_in_git_is_empty():
    assert read_history(ROOT / "metrics/experiments.json") == RunHistory(None, [])


def test_a_commit_that_removed_the_scores_is_no_run(git, tmp_path):
    first = commit(git, tmp_path, "First results", 0.25)
    commit(git, tmp_path, "Second results", 0.5)
    git("rm", "--quiet", "metrics/evaluate.json")
    git("commit", "--quiet", "-m", "Gone")
    assert [r.name for r in find_runs(first).runs] == ["Second results"]


def test_runs_are_sorted_by_time(git, tmp_path, monkeypatch):
    first = commit(git, tmp_path, "First results", 0.25)
    for name, seconds in (("a-late", 3), ("b-early", 1), ("c-middle", 2)):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"170000000{seconds} +0000")
        tried = commit(git, tmp_path, name, 0.5 + seconds / 10)
        git("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/{name}", tried)
        git("reset", "--quiet", "--hard", first)
    assert [r.name for r in find_runs(None).runs] == ["b-early", "c-middle", "a-late"]


def test_rounds_are_unknown_if_params_yaml_does_not_hold_them(git, tmp_path):
    first = commit(git, tmp_path, "First results", 0.25)
    commit(git, tmp_path, "Second results", 0.5, rounds="all")
    assert [r.rounds for r in find_runs(first).runs] == [None]


def test_an_unknown_revision_is_refused(git, tmp_path):
    commit(git, tmp_path, "First results", 0.25)
    with pytest.raises(
        StageError, match=r"^found revision 'nowhere', accepted: a commit, branch or tag of this repository$"
    ):
        find_runs("nowhere")


def test_outside_of_a_repository_git_reports_it_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(StageError, match=r"not a git repository[^\n]*$"):
        find_runs(None)


def test_a_written_history_is_read_again(tmp_path):
    history = RunHistory("0123abc", [run("seed-only", "experiment", "0123abc", {"merge.rounds": "[0]"}, [0], 0.5)])
    write_history(history, tmp_path / "experiments.json")
    assert read_history(tmp_path / "experiments.json") == history


def test_a_missing_file_is_reported_with_the_command_that_writes_it(tmp_path):
    with pytest.raises(StageError, match=r"No such file or directory; `wizardcoder report` writes it$"):
        read_history(tmp_path / "experiments.json")


def test_another_file_is_refused_with_the_place_of_the_error(tmp_path):
    (tmp_path / "experiments.json").write_text('{"since": null, "runs": [{"name": 3}]}')
    with pytest.raises(StageError, match=r"experiments.json: runs.0.name: found 3, accepted: a valid string"):
        read_history(tmp_path / "experiments.json")
