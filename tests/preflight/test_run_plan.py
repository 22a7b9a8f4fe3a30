"""`wizardcoder plan`: what happens to each stage, why, how long it took, and what new answers cost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from command_line import wizardcoder

from wizardcoder.core.console import StageError
from wizardcoder.experiments.rerun_plan import RerunReason, StageRerun
from wizardcoder.preflight.run_plan import describe_reruns, rerun_table

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
EDITED = RerunReason("param", "train.lr", "changed from 2e-05 to 3e-05")
ABSENT = RerunReason("not_checked_out", "data/merged", "is in DVC's cache, but not in the workspace")
RERUNS = [
    StageRerun("merge", (ABSENT,), cached=True, pull_suffices=True),
    StageRerun("base", (RerunReason("command", "the command", "changed to `x`"),), cached=True),
    StageRerun("train", (EDITED,), last_seconds=57.4),
    StageRerun("evaluate", (), ("train",), last_seconds=150.0),
]


def rows(table):
    return list(zip(*(column.cells for column in table.columns), strict=True))


def test_each_stage_has_what_happens_why_and_its_last_time():
    assert rows(rerun_table(RERUNS)) == [
        ("merge", "pulled or restored", "data/merged is in DVC's cache, but not in the workspace", "-"),
        ("base", "restored from cache", "the command changed to `x`", "-"),
        ("train", "runs", "train.lr changed from 2e-05 to 3e-05", "57 s"),
        ("evaluate", "may run", "reads train", "2 min"),
    ]


def test_many_reasons_are_folded():
    many = StageRerun("screen", tuple(RerunReason("dependency", f"f{n}", "changed") for n in range(9)))
    assert rows(rerun_table([many]))[0][2].splitlines() == [*(f"f{n} changed" for n in range(4)), "and 5 more"]


def test_the_sum_counts_what_runs_and_what_may_run():
    assert describe_reruns(RERUNS) == (
        "1 stage will run; 1 more only if their inputs change; last time these took 3 min"
    )


def test_a_fresh_clone_without_data_is_planned(tmp_path, monkeypatch, capsys):
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    wizardcoder("plan")
    shown = capsys.readouterr().err
    assert "│ seed " in shown
    assert "18 seeds of bundled/seeds.json" in shown
    assert "no training plan yet: models/base: no config.json" in shown
    assert not Path("data").exists()


def test_another_folder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError, match=r"^params\.yaml: no such file; run this command in the project's folder"):
        wizardcoder("plan")


def test_other_hardware_needs_the_base_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text((ROOT / "params.yaml").read_text())
    with pytest.raises(StageError) as caught:
        wizardcoder("plan", "--on", "8xH100")
    assert str(caught.value) == "models/base: no config.json; --on works after `dvc repro base`, or with --base DIR"
