"""A Python without the packages gets one line and not a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wizardcoder.core.environment import REQUIRED, require_packages

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]


def test_installed_packages_are_accepted():
    require_packages()


def test_a_missing_package_ends_the_program_with_the_cure():
    with pytest.raises(SystemExit) as caught:
        require_packages(("sys", "no_such_package"))
    assert str(caught.value).endswith(
        ": not installed: no_such_package; run `make setup` and use its environment: `. .venv/bin/activate`"
    )


@pytest.mark.parametrize("stage", ["seed", "analyze", "train"])
def test_a_stage_without_the_environment_is_one_line(tmp_path, stage):
    # -I -S: without the packages of any environment
    program = (
        f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); runpy.run_module('stages.{stage}', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {sys.executable}: not installed: {REQUIRED[0]}, ")
    assert done.stderr.count("\n") == 1


def test_a_stage_in_another_folder_is_one_line_with_the_cure(tmp_path):
    env = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "stages.merge"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    line = "error: params.yaml: no such file; run this command in the project's folder, which has a params.yaml\n"
    assert (done.returncode, done.stderr) == (1, line)
    assert list(tmp_path.iterdir()) == []
