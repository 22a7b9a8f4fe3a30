"""What a killed DVC process leaves behind is repaired, what a living one holds is not."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.dvc_locks import repair, running_dvc

pytestmark = pytest.mark.heavy

LOCK = "schema: '2.0'\nstages:\n  a:\n    cmd: make a\n    outs:\n    - path: x\n      md5: '1'\n      size: 1\n"
SLEEP = "import time; time.sleep(60)"


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def start(root):
    """Start processes in the project's folder and end them after the test."""
    started = []

    def run(*command, **variables):
        started.append(subprocess.Popen(command, cwd=root, env=os.environ | variables))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()


def ended_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def silent(line):
    raise AssertionError(line)


def write_rwlock(root, pid):
    table = {"write": {"data": {"pid": pid, "cmd": "dvc repro"}}, "read": {"x": [{"pid": pid, "cmd": "dvc repro"}]}}
    (root / ".dvc/tmp/rwlock").write_text(json.dumps(table))


@pytest.mark.parametrize("text", ["", '{"write": {"da', "[]", '{"read": {"x": [{}]}}'], ids=str)
def test_an_unreadable_table_of_locks_is_removed(root, text):
    (root / ".dvc/tmp/rwlock").write_text(text)
    assert repair(root, silent) == ["removed .dvc/tmp/rwlock: empty or cut short by a killed DVC process"]
    assert not (root / ".dvc/tmp/rwlock").exists()
    assert repair(root, silent) == []


def test_locks_of_an_ended_process_are_removed(root):
    pid = ended_pid()
    write_rwlock(root, pid)
    assert repair(root, silent) == [f"removed .dvc/tmp/rwlock: locks of ended processes ({pid})"]


def test_locks_of_a_process_that_got_the_number_of_an_ended_dvc_are_removed(root):
    write_rwlock(root, os.getpid())  # pytest
    assert repair(root, silent) == [f"removed .dvc/tmp/rwlock: locks of ended processes ({os.getpid()})"]


def test_an_empty_table_stays(root):
    (root / ".dvc/tmp/rwlock").write_text("{}")
    assert repair(root, silent) == []


def test_nothing_is_touched_while_dvc_works_in_the_project(root, start):
    (root / "dvc").write_text(SLEEP)
    process = start(sys.executable, str(root / "dvc"))
    (root / ".dvc/tmp/rwlock").write_text("")
    while process.pid not in running_dvc(root):
        time.sleep(0.02)
    assert repair(root, silent) == []
    assert (root / ".dvc/tmp/rwlock").exists()


def test_nothing_is_touched_while_another_process_edits_the_table(root):
    (root / ".dvc/tmp/rwlock").write_text("")
    with (root / ".dvc/tmp/rwlock.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert repair(root, silent) == []


def test_a_lock_by_hard_link_is_removed_and_one_by_flock_stays(root):
    (root / ".dvc/tmp/0a1b.lock").write_text(".dvc/tmp/0a1b.lock")
    (root / ".dvc/tmp/lock").hardlink_to(root / ".dvc/tmp/0a1b.lock")
    (root / ".dvc/tmp/rwlock.lock").write_text(" 4711\n")
    assert repair(root, silent) == ["removed .dvc/tmp/lock: lock of an ended process"]
    assert [path.name for path in (root / ".dvc/tmp").iterdir()] == ["rwlock.lock"]


def test_an_orphaned_stage_is_awaited(root, start):
    orphan = start(sys.executable, "-c", "import time; time.sleep(1)", DVC_ROOT=str(root), DVC_STAGE="train")
    lines = []
    assert repair(root, lines.append) == []
    assert [line.split(";")[0] for line in lines] == [f"waiting for process {orphan.pid} to exit"]
    assert orphan.poll() is not None or orphan.wait(1) == 0


def test_an_orphaned_stage_that_does_not_end_is_an_error_with_the_cure(root, start):
    orphan = start(sys.executable, "-c", SLEEP, DVC_ROOT=str(root), DVC_STAGE="train")
    with pytest.raises(StageError, match=rf"end them with `kill {orphan.pid}`$"):
        repair(root, lambda _: None, wait_s=0.3)


def test_a_stage_of_another_project_is_not_awaited(root, start):
    start(sys.executable, "-c", SLEEP, DVC_ROOT=str(root.parent), DVC_STAGE="train")
    assert repair(root, silent) == []


@pytest.mark.parametrize("cut", range(0, len(LOCK), 3))
def test_a_dvc_lock_that_was_cut_short_is_never_left_to_dvc(root, cut):
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from ruamel.yaml import YAML

    path = root / "dvc.lock"
    path.write_text(LOCK[:cut])
    if repair(root, silent):
        assert not path.exists()
    else:
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(path.read_text()))


def test_a_cut_dvc_lock_is_restored_from_git(root):
    def git(*args):
        own = ("-c", "user.name=t", "-c", "user.email=t@example.invalid")
        subprocess.run(["git", *own, *args], cwd=root, check=True, capture_output=True)

    (root / "dvc.lock").write_text(LOCK)
    git("init")
    git("add", "dvc.lock")
    git("commit", "-m", "lock")
    assert repair(root, silent) == []
    (root / "dvc.lock").write_text(LOCK[:40])
    assert repair(root, silent) == ["restored dvc.lock from git: a killed DVC process had cut it short"]
    assert (root / "dvc.lock").read_text() == LOCK
