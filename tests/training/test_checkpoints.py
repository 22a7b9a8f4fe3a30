"""Checkpoints: which run they belong to, which are whole, and one process at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.training import checkpoints
from wizardcoder.training.checkpoints import ResourcesUsed

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def base(tmp_path):
    folder = tmp_path / "base"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def written(folder: Path, *steps: int, whole: tuple[int, ...] = ()) -> None:
    for step in steps:
        path = folder / f"checkpoint-{step}"
        path.mkdir(parents=True)
        if step in whole:
            checkpoints.mark_complete(path, ResourcesUsed(seconds=step))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_fingerprint_is_of_settings_rows_and_every_file_of_the_base(base):
    def now(settings: dict, rows: str = "r") -> str:
        return checkpoints.fingerprint(settings, rows, base)

    first = now({"lr": 1, "seed": 2})
    assert now({"seed": 2, "lr": 1}) == first
    others = {now({"lr": 2, "seed": 2}), now({"lr": 1, "seed": 2}, "s")}
    (base / "model.safetensors").write_bytes(b"Weights")
    others.add(now({"lr": 1, "seed": 2}))
    (base / "README.md").write_text("does not determine the weights")
    others.add(now({"lr": 1, "seed": 2}))
    assert len(others) == 3
    assert first not in others


def test_the_last_whole_one_counts_and_broken_ones_are_removed(tmp_path):
    written(tmp_path, 9, 10, whole=(9,))
    assert checkpoints.last(tmp_path) == tmp_path / "checkpoint-9"
    assert checkpoints.used_at(checkpoints.last(tmp_path)) == ResourcesUsed(seconds=9)
    checkpoints.remove_incomplete(tmp_path)
    assert names(tmp_path) == ["checkpoint-9"]


def test_a_new_checkpoint_replaces_the_older_ones(tmp_path):
    written(tmp_path, 9, whole=(9,))
    written(tmp_path, 10, whole=(10,))
    assert names(tmp_path) == ["checkpoint-10"]


def test_without_any_nothing_is_resumed(tmp_path):
    assert checkpoints.last(tmp_path / "none") is None
    assert checkpoints.used_at(None) == ResourcesUsed()
    assert checkpoints.resume_hint(tmp_path) == "no checkpoint was written yet"


def test_another_process_with_the_same_run_is_refused(tmp_path):
    program = (
        "import sys, pathlib\n"
        "from wizardcoder.training import checkpoints\n"
        "from wizardcoder.core.console import StageError\n"
        "try:\n"
        "    with checkpoints.locked(pathlib.Path(sys.argv[1])):\n"
        "        print('locked')\n"
        "except StageError as exc:\n"
        "    print(exc)\n"
    )

    def other() -> str:
        command = [sys.executable, "-c", program, str(tmp_path)]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    with checkpoints.locked(tmp_path):
        assert other() == f"{tmp_path}/lock: another process already runs this training"
    assert other() == "locked"


def test_a_training_that_a_killed_dvc_left_behind_is_awaited(tmp_path, monkeypatch):
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from wizardcoder.core.locks import hold_lock\n"
        "with hold_lock(Path(sys.argv[1], 'lock')):\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(1)\n"
    )
    environment = os.environ | {"DVC_ROOT": str(tmp_path), "DVC_STAGE": "train"}
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as orphan:
        assert orphan.stdout.readline() == "locked\n"
        monkeypatch.setenv("DVC_ROOT", str(tmp_path))
        with checkpoints.locked(tmp_path):
            assert orphan.wait(1) == 0


def test_a_full_disk_is_refused_before_writing(tmp_path):
    with pytest.raises(StageError, match=r"GB free, the model needs 1000000000\.0 GB$"):
        checkpoints.need_disk(tmp_path, 1e18, "the model")
    checkpoints.need_disk(tmp_path, 0, "nothing")
