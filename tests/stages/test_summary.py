"""Stage summary: what it reads and writes, and that arguments never run it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.made_run import write_run
from stages import summary
from wizardcoder.core.console import StageError

ROOT = Path(__file__).resolve().parents[2]
OUT = Path("metrics/summary.json")


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """A folder with a made-up run."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path, [("any", "any")], 8, [("Dev/0", "def f():\n")])
    shutil.copy(ROOT / "params.yaml", tmp_path)


def test_the_headline_numbers_of_the_run_are_written():
    summary.main()
    assert json.loads(OUT.read_text()) == {
        "cost": 0.04,
        "dev": 0.475,
        "dev_base": 0.0,
        "humaneval": None,
        "humaneval_base": None,
        "loss": 1.413,
        "loss_base": 1.508,
        "records": json.loads(Path("metrics/train.json").read_text())["examples"],
    }


def test_a_stage_that_has_not_run_is_reported():
    Path("metrics/train.json").unlink()
    with pytest.raises(StageError, match=r"^metrics/train.json: No such file or directory; `dvc repro` writes it$"):
        summary.main()


@pytest.mark.heavy
@pytest.mark.parametrize(("args", "code"), [(["--help"], 0), (["--dev", "mbpp"], 2)])
def test_arguments_never_run_the_stage(args, code):
    command = [sys.executable, "-m", "stages.summary", *args]
    path = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert not OUT.exists()
