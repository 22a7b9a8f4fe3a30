"""Scores of committed runs, read from git."""

from __future__ import annotations

import json
import subprocess

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.experiments.run_history import Experiment, find_experiments, read_experiments, write_experiments


@pytest.fixture
def git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"):
        monkeypatch.delenv(name, raising=False)

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


def test_commits_that_changed_the_scores_come_first_then_experiments_with_what_they_changed(git, tmp_path):
    first = commit(git, tmp_path, "First results", 0.25)
    tried = commit(git, tmp_path, "dvc: commit experiment", 0.5, rounds="[0]")
    git("update-ref", f"refs/exps/{first[:2]}/{first[2:]}/seed-only", tried)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", tried)
    git("reset", "--quiet", "--hard", first)
    (tmp_path / "note").write_text("no score")
    git("add", ".")
    git("commit", "--quiet", "-m", "A note")
    assert find_experiments() == [
        Experiment("First results", "commit", first[:7], {}, {"dev.pass_at_1": 0.25}),
        Experiment("seed-only", "experiment", tried[:7], {"merge.rounds": "[0]"}, {"dev.pass_at_1": 0.5}),
    ]


def test_a_commit_that_removed_the_scores_is_no_run(git, tmp_path):
    commit(git, tmp_path, "First results", 0.25)
    git("rm", "--quiet", "metrics/evaluate.json")
    git("commit", "--quiet", "-m", "Gone")
    assert [run.name for run in find_experiments()] == ["First results"]


def test_outside_of_a_repository_git_says_so_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(StageError, match=r"^git log: fatal: not a git repository[^\n]*$"):
        find_experiments()


def test_what_is_written_is_read_again(tmp_path):
    runs = [Experiment("seed-only", "experiment", "0123abc", {"merge.rounds": "[0]"}, {"dev.pass_at_1": 0.5})]
    write_experiments(runs, tmp_path / "experiments.json")
    assert read_experiments(tmp_path / "experiments.json") == runs


def test_a_missing_file_is_told_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(
        StageError, match=r"No such file or directory; `python -m stages.report experiments` writes it$"
    ):
        read_experiments(tmp_path / "experiments.json")


def test_another_file_is_refused_by_its_place(tmp_path):
    (tmp_path / "experiments.json").write_text('[{"name": 3}]')
    with pytest.raises(StageError, match=r"experiments.json: 0.name: Input should be a valid string"):
        read_experiments(tmp_path / "experiments.json")
