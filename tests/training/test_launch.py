"""Several processes: the environment of each, and how the failure of one becomes one line."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from stages.train import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.training import launch
from wizardcoder.training.devices import CPU, Hardware

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[2]
PARAMS = replace(load(Params, ROOT / "params.yaml").train, processes=2)
MACHINE = Hardware(CPU, 2, 1e9, 1e9, None)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that starts a program in two processes."""

    def start(program: str) -> None:
        (tmp_path / "program.py").write_text(f"import json, os, sys, pathlib\n{program}")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        launch.launch(PARAMS, ["program", str(tmp_path)], tmp_path, MACHINE)

    return start


def test_each_process_knows_its_rank_and_has_its_share_of_the_cores(run, tmp_path):
    run(
        "names = ['RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'OMP_NUM_THREADS', 'DS_ACCELERATOR']\n"
        "found = {name: os.environ[name] for name in names}\n"
        "pathlib.Path(sys.argv[1], found['RANK'] + '.json').write_text(json.dumps(found))\n"
    )
    assert [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in "01"] == [
        {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"}
        for rank in "01"
    ]


def test_the_handlers_of_signals_are_the_same_afterwards(run):
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
    before = [signal.getsignal(signum) for signum in signals]
    run("")
    assert [signal.getsignal(signum) for signum in signals] == before


def test_the_line_that_a_process_leaves_is_the_error(run, tmp_path):
    with pytest.raises(StageError, match=r"^train: loss nan at step 3$"):
        run(
            "if os.environ['RANK'] == '1':\n"
            "    pathlib.Path(sys.argv[1], 'error.txt').write_text('train: loss nan at step 3')\n"
            "    sys.exit(1)\n"
        )


def test_a_process_that_dies_without_an_error_is_reported_with_its_code(run):
    with pytest.raises(StageError, match=r"^train: a training process exited with code 3; see its output above$"):
        run("sys.exit(3)\n")


def test_what_aborts_while_the_interpreter_ends_does_not_fail_work_that_is_done(run, tmp_path):
    """As a thread of torch's does now and then."""
    run(
        "import atexit\n"
        "from wizardcoder.training import launch\n"
        "atexit.register(os.abort)\n"
        "print(os.environ['RANK'], file=open(pathlib.Path(sys.argv[1], 'done' + os.environ['RANK']), 'w'))\n"
        "launch.exit_immediately()\n"
    )
    assert sorted(path.name for path in tmp_path.glob("done*")) == ["done0", "done1"]
