"""Stages without arguments: `--help` runs nothing, an argument that is not known is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("seed", "screen", "merge", "analyze", "decontaminate", "base")


@pytest.mark.heavy
def test_the_stage_with_an_argument_describes_itself_too(tmp_path):
    done = run("evolve", "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Stages evolve_r1 to evolve_r4: one round of Code Evol-Instruct." in done.stdout
    assert "--round {1,2,3,4}  the round to evolve" in done.stdout
    assert done.stdout.endswith("`dvc repro` runs all stages.\n")


def run(stage: str, *args: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"stages.{stage}", *args]
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "WC_CACHE_DIR": str(folder / ".cache")}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=env)


@pytest.mark.heavy
@pytest.mark.parametrize("stage", STAGES)
def test_help_is_printed_and_nothing_is_run(tmp_path, stage):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    done = run(stage, "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: python -m stages.{stage} [-h]\n\nStage {stage}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]


@pytest.mark.heavy
@pytest.mark.parametrize("stage", STAGES)
def test_an_unknown_argument_is_refused_and_nothing_is_run(tmp_path, stage):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    done = run(stage, "--rounds", "0", "1", folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith(f"python -m stages.{stage}: error: unrecognized arguments: --rounds 0 1\n")
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
