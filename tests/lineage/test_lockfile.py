"""dvc.lock, as the report tells it."""

from __future__ import annotations

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.lineage.lock import File
from wizardcoder.lineage.lockfile import LockedStage, read_stages

LOCK = """
schema: '2.0'
stages:
  train:
    cmd: python -m stages.train
    deps:
    - {path: data/merged/examples.jsonl, md5: aa, size: 5}
    - {path: stages/train.py, md5: bb, size: 6}
    outs:
    - {path: models/tuned, md5: cc.dir, size: 7, nfiles: 2}
  merge:
    cmd: python -m stages.merge
    deps:
    - {path: bundled/seeds.json, md5: dd, size: 8}
    outs:
    - {path: data/merged, md5: ee.dir, size: 9}
  report:
    cmd: python -m stages.report
    outs:
    - {path: report, md5: ff.dir, size: 10}
"""


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "dvc.lock"
    path.write_text(LOCK)
    return path


def test_stages_follow_those_whose_outs_they_read_and_code_is_left_out(lock):
    assert read_stages(lock, but="report") == [
        LockedStage("merge", (File("data/merged", "ee.dir", 9),), (), (File("bundled/seeds.json", "dd", 8),)),
        LockedStage("train", (File("models/tuned", "cc.dir", 7),), ("merge",), ()),
    ]


def test_without_a_lock_there_is_no_stage(tmp_path):
    assert read_stages(tmp_path / "dvc.lock") == []


def test_stages_that_need_each_other_are_refused(lock):
    lock.write_text(LOCK.replace("bundled/seeds.json", "models/tuned"))
    with pytest.raises(StageError, match=r"dvc.lock: stages need each other in a circle: [^\n]+$"):
        read_stages(lock)


def test_what_is_no_lock_is_refused_in_one_line(lock):
    lock.write_text("stages:\n  merge: [1, 2]\n")
    with pytest.raises(StageError, match=r"dvc.lock: not a lock file of DVC: [^\n]+$"):
        read_stages(lock)
