from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from wizardcoder.core.cache import cache_dir, create_cache_folder
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore

ROOT = Path(__file__).resolve().parents[2]


def test_the_cache_lies_in_the_working_folder_by_default(monkeypatch):
    monkeypatch.delenv("WC_CACHE_DIR", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert cache_dir() == Path(".cache")


def test_the_cache_lies_in_dvcs_project_when_dvc_runs_the_stage(monkeypatch):
    monkeypatch.delenv("WC_CACHE_DIR", raising=False)
    monkeypatch.setenv("DVC_ROOT", "/project")
    assert cache_dir() == Path("/project/.cache")


def test_the_cache_dir_of_the_environment_goes_first(monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", "/elsewhere")
    monkeypatch.setenv("DVC_ROOT", "/project")
    assert cache_dir() == Path("/elsewhere")
    monkeypatch.setenv("WC_CACHE_DIR", "")
    assert cache_dir() == Path("/project/.cache")


@pytest.mark.parametrize("use", [create_cache_folder, lambda folder: AnswerStore(folder / "answers.sqlite")])
def test_a_cache_that_cannot_be_created_is_one_line_with_the_cure(use):
    with pytest.raises(StageError) as caught:
        use(Path("/proc/x"))
    reason = "the cache cannot be written: No such file or directory; set WC_CACHE_DIR to a folder that can be"
    assert str(caught.value) == f"/proc/x: {reason}"


def test_a_cache_that_cannot_be_written_is_one_line_with_the_cure(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # root may write everywhere
    with pytest.raises(StageError, match=r"the cache cannot be written: no permission to write; set WC_CACHE_DIR"):
        create_cache_folder(tmp_path)


@pytest.mark.heavy
def test_a_stage_that_cannot_write_its_cache_is_one_line(tmp_path):
    (tmp_path / "data/rounds/r0").mkdir(parents=True)
    (tmp_path / "data/rounds/r0/pool.jsonl").write_text('{"id": "a", "instruction": "b"}\n')
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    env = {"PYTHONPATH": str(ROOT), "WC_CACHE_DIR": "/proc/x", "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "stages.evolve", "--round", "1"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: /proc/x: the cache cannot be written: ")
