"""A process of a training reads its job from a file, and leaves its result as one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from stages.train import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.training import fit, worker

ROOT = Path(__file__).resolve().parents[2]
PARAMS = replace(load(Params, ROOT / "params.yaml").train, processes=2)
FITTED = fit.FitResult(4, False, [1.0], None, None, 1.0, 1, 1, None, 1.0, False)


class _EndedError(Exception):
    """The process would be gone."""


def _exit(status: int) -> None:
    raise _EndedError(status)


@pytest.fixture
def job(monkeypatch, tmp_path):
    monkeypatch.setattr(worker, "end_with_parent", lambda: None)
    monkeypatch.setattr(os, "_exit", _exit)
    folders = fit.FitFolders(*map(Path, ("base", "rows", "kept", "out", "loss.csv")))
    return worker.write_job(tmp_path, PARAMS, folders)


def test_a_process_ends_without_the_interpreters_finalization(monkeypatch, job):
    calls = []
    monkeypatch.setattr(fit, "fit", lambda *args: calls.append(args) or FITTED)
    with pytest.raises(_EndedError, match=r"^0$"):
        worker.work(job)
    assert worker.read_result(job.parent) == FITTED
    assert calls == [(PARAMS, fit.FitFolders(*map(Path, ("base", "rows", "kept", "out", "loss.csv"))), None)]


def test_only_the_first_process_leaves_a_result(monkeypatch, job):
    monkeypatch.setattr(fit, "fit", lambda *_: FITTED)
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(_EndedError):
        worker.work(job)
    assert [path.name for path in job.parent.iterdir()] == ["job.json"]


def test_a_failing_process_leaves_its_error_in_one_line(monkeypatch, job):
    def fail(*_):
        raise StageError("train: loss nan")

    monkeypatch.setattr(fit, "fit", fail)
    with pytest.raises(SystemExit, match=r"^1$"):
        worker.work(job)
    assert (job.parent / "error.txt").read_text() == "train: loss nan\n"
