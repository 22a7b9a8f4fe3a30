"""dvc.lock, as a chain of stages and as an overview of the data."""

from __future__ import annotations

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.lineage.lock import (
    LockedFile,
    StageOverview,
    entry_lines,
    read_lock,
    read_overview,
    stages_leading_to,
    writers_of,
)

LOCK = """
schema: '2.0'
stages:
  train:
    cmd: python -m stages.train
    deps:
    - {path: data/merged/examples.jsonl, md5: aa, size: 5}
    - {path: stages/train.py, md5: bb, size: 6}
    - {path: wizardcoder/training, md5: b2.dir, size: 6}
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
    assert read_overview(lock, without="report") == [
        StageOverview(
            "merge", (LockedFile("data/merged", "ee.dir", 9),), (), (LockedFile("bundled/seeds.json", "dd", 8),)
        ),
        StageOverview("train", (LockedFile("models/tuned", "cc.dir", 7),), ("merge",), ()),
    ]


def test_without_a_lock_there_is_no_stage(tmp_path):
    assert read_overview(tmp_path / "dvc.lock") == []


def test_a_cycle_of_stages_is_refused(lock):
    lock.write_text(LOCK.replace("bundled/seeds.json", "models/tuned"))
    with pytest.raises(StageError, match=r"dvc.lock: stages form a cycle: [^\n]+$"):
        read_overview(lock)


def test_what_is_no_lock_is_refused_in_one_line(lock):
    lock.write_text("stages:\n  merge: [1, 2]\n")
    with pytest.raises(StageError, match=r"dvc.lock: not a lock file of DVC: [^\n]+$"):
        read_overview(lock)


CHAIN = """\
schema: '2.0'
stages:
  a:
    cmd: make a
    outs:
    - path: x
      md5: '1'
      size: 1
  b:
    cmd: make b
    deps:
    - path: x/y
      md5: '2'
      size: 1
    outs:
    - path: z
      md5: '3'
      size: 1
"""


def test_a_lock_is_read_as_a_chain():
    stages = read_lock(CHAIN)
    assert [stage.name for stage in stages_leading_to(["z"], stages)] == ["a", "b"]
    assert [stage.name for stage in writers_of("x/y/deeper", stages)] == ["a"]
    assert writers_of("xy", stages) == []
    assert (entry_lines(CHAIN, "a"), entry_lines(CHAIN, "b"), entry_lines(CHAIN, "c")) == ((3, 8), (9, 18), None)


def test_a_lock_that_is_none_is_one_line():
    with pytest.raises(StageError, match=r"^dvc\.lock: not a lock file of DVC: "):
        read_lock("schema: '2.0'")


def test_a_folder_of_several_outs_leads_to_all_their_stages():
    text = (
        CHAIN.replace("path: x\n", "path: d/x\n")
        .replace("path: x/y\n", "path: source\n")
        .replace("path: z\n", "path: d/z\n")
    )
    stages = read_lock(text)
    assert [stage.name for stage in writers_of("d", stages)] == ["a", "b"]
    assert [stage.name for stage in stages_leading_to(["d"], stages)] == ["a", "b"]
