"""One process at a time."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.locks import hold_lock

ROOT = Path(__file__).resolve().parents[2]
HOLDER = (
    "import sys, time, pathlib\nfrom wizardcoder.core.locks import hold_lock\n"
    "with hold_lock(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(float(sys.argv[2]))\n"
)


def holder(path: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(seconds)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.heavy
def test_a_lock_that_another_process_holds_is_refused_until_that_process_ends(tmp_path):
    path = tmp_path / "new" / "a.lock"
    process = holder(path, 60)
    with pytest.raises(StageError) as caught, hold_lock(path, "in use"):
        pass
    assert str(caught.value) == f"{path}: in use"
    process.kill()
    process.wait()
    with hold_lock(path, "in use"):
        pass


@pytest.mark.heavy
def test_without_a_message_the_lock_is_waited_for(tmp_path):
    path = tmp_path / "a.lock"
    process = holder(path, 1)
    started = time.monotonic()
    with hold_lock(path):
        assert time.monotonic() - started > 0.3
    process.wait()


def test_a_lock_is_released_on_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold_lock(tmp_path / "a.lock", "in use"):
        raise ZeroDivisionError
    with hold_lock(tmp_path / "a.lock", "in use"):
        pass


def test_a_folder_that_cannot_be_created_is_one_line():
    with pytest.raises(StageError, match=r"^/proc/x/a\.lock: cannot be written: "), hold_lock(Path("/proc/x/a.lock")):
        pass
