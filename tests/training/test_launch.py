"""Several processes: what each is told, and how the failure of one becomes the stage's one line."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from stages import train
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.training import launch, trainer
from wizardcoder.training.devices import CPU, Hardware

ROOT = Path(__file__).resolve().parents[2]
PARAMS = replace(load(train.Params, ROOT / "params.yaml").train, processes=2)
FITTED = trainer.Fitted(4, False, [1.0], None, None, 1.0, 1, 1, None, 1.0, False)
MACHINE = Hardware(CPU, 2, 1e9, 1e9, None)


class _EndedError(Exception):
    """The process would be gone."""


def _exit(status: int) -> None:
    raise _EndedError(status)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Give a function that starts a program in two processes."""

    def start(program: str) -> None:
        (tmp_path / "told_program.py").write_text(f"import json, os, sys, pathlib\n{program}")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        launch.launch(PARAMS, ["told_program", str(tmp_path)], tmp_path, MACHINE)

    return start


def test_each_process_knows_its_rank_and_has_its_share_of_the_cores(run, tmp_path):
    run(
        "names = ['RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'OMP_NUM_THREADS', 'DS_ACCELERATOR']\n"
        "told = {name: os.environ[name] for name in names}\n"
        "pathlib.Path(sys.argv[1], told['RANK'] + '.json').write_text(json.dumps(told))\n"
    )
    assert [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in "01"] == [
        {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"}
        for rank in "01"
    ]


def test_the_line_that_a_process_leaves_is_the_error(run, tmp_path):
    with pytest.raises(StageError, match=r"^train: loss nan at step 3$"):
        run(
            "if os.environ['RANK'] == '1':\n"
            "    pathlib.Path(sys.argv[1], 'error.txt').write_text('train: loss nan at step 3')\n"
            "    sys.exit(1)\n"
        )


def test_a_process_that_dies_without_a_word_is_told_with_its_code(run):
    with pytest.raises(StageError, match=r"^train: a process ended with exit code 3; what it printed stands above$"):
        run("sys.exit(3)\n")


def test_what_aborts_while_the_interpreter_ends_does_not_fail_work_that_is_done(run, tmp_path):
    """As a thread of torch's does now and then."""
    run(
        "import atexit\n"
        "from wizardcoder.training import launch\n"
        "atexit.register(os.abort)\n"
        "print(os.environ['RANK'], file=open(pathlib.Path(sys.argv[1], 'done' + os.environ['RANK']), 'w'))\n"
        "launch.end_at_once()\n"
    )
    assert sorted(path.name for path in tmp_path.glob("done*")) == ["done0", "done1"]


def test_a_process_of_a_training_ends_without_the_interpreters_finalization(monkeypatch, tmp_path):
    job = {"base": "base", "rows": "rows", "checkpoints": "kept", "out": "out", "loss": "loss.csv"}
    (tmp_path / "job.json").write_text(json.dumps(job))
    monkeypatch.setattr(launch, "end_with_parent", lambda: None)
    monkeypatch.setattr(trainer, "fit", lambda *_: FITTED)
    monkeypatch.setattr(os, "_exit", _exit)
    with pytest.raises(_EndedError, match=r"^0$"):
        train._work(PARAMS, tmp_path / "job.json")
    assert json.loads((tmp_path / "fitted.json").read_text())["steps"] == 4


@pytest.mark.parametrize(
    ("text", "slots"),
    [("a slots=8\nb slots=4\n", {"a": 8, "b": 4}), ("# hosts\n\n a  slots=1 # one\n", {"a": 1})],
)
def test_a_hostfile_is_read(tmp_path, text, slots):
    (tmp_path / "hosts").write_text(text)
    assert launch.slots_of(tmp_path / "hosts") == slots


@pytest.mark.parametrize(
    ("installed", "hosts", "missing"),
    [
        ([], "a slots=1\nb slots=1\n", "ssh and pdsh"),
        (["ssh"], "a slots=1\nb slots=1\n", "pdsh"),
        (["ssh"], "a slots=2\n", None),
        (["ssh", "pdsh"], "a slots=1\nb slots=1\n", None),
    ],
)
def test_a_hostfile_without_the_programs_that_reach_its_hosts_is_one_line(
    tmp_path, monkeypatch, installed, hosts, missing
):
    (tmp_path / "hosts").write_text(hosts)
    for name in installed:
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    params = replace(PARAMS, runtime=replace(PARAMS.runtime, hostfile=str(tmp_path / "hosts")), deepspeed="zero3")
    line = rf"^params.yaml: runtime.train.hostfile: {missing} not found on this machine; "
    with pytest.raises(StageError, match=line) if missing else nullcontext():
        launch.check_launcher(params)


def test_processes_share_a_machine_as_the_fullest_of_the_hostfile_says(tmp_path):
    (tmp_path / "hosts").write_text("a slots=8\nb slots=4\n")
    runtime = replace(PARAMS.runtime, hostfile=str(tmp_path / "hosts"))
    assert launch.processes_together(replace(PARAMS, processes=12, runtime=runtime)) == 8
    assert launch.processes_together(PARAMS) == 2


@pytest.mark.parametrize("text", ["a\n", "a slots=x\n", "a slots=1\na slots=2\n"])
def test_a_hostfile_with_another_line_is_refused_with_its_place(tmp_path, text):
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(StageError, match=r"hosts:[12]: found 'a.*', accepted: HOST slots=N, each host once$"):
        launch.slots_of(tmp_path / "hosts")
