"""A hostfile: read, compared with the settings, and checked for the programs that reach its hosts."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from stages.train import Params
from wizardcoder.core.console import StageError
from wizardcoder.core.params import load
from wizardcoder.training import hostfile

ROOT = Path(__file__).resolve().parents[2]
PARAMS = replace(load(Params, ROOT / "params.yaml").train, processes=2)


@pytest.mark.parametrize(
    ("text", "slots"),
    [("a slots=8\nb slots=4\n", {"a": 8, "b": 4}), ("# hosts\n\n a  slots=1 # one\n", {"a": 1})],
)
def test_a_hostfile_is_read(tmp_path, text, slots):
    (tmp_path / "hosts").write_text(text)
    assert hostfile.read_slots(tmp_path / "hosts") == slots


@pytest.mark.parametrize(
    ("installed", "hosts", "missing"),
    [
        ([], "a slots=1\nb slots=1\n", "ssh and pdsh"),
        (["ssh"], "a slots=1\nb slots=1\n", "pdsh"),
        (["ssh"], "a slots=2\n", None),
        (["ssh", "pdsh"], "a slots=1\nb slots=1\n", None),
    ],
)
def test_a_hostfile_without_the_programs_that_reach_its_hosts_is_refused(
    tmp_path, monkeypatch, installed, hosts, missing
):
    (tmp_path / "hosts").write_text(hosts)
    for name in installed:
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    params = replace(PARAMS, runtime=replace(PARAMS.runtime, hostfile=str(tmp_path / "hosts")), deepspeed="zero3")
    line = rf"^params.yaml: runtime.train.hostfile: {missing} not found on this machine; "
    with pytest.raises(StageError, match=line) if missing else nullcontext():
        hostfile.check_launcher(params)


def test_processes_per_machine_are_those_of_the_fullest_host(tmp_path):
    (tmp_path / "hosts").write_text("a slots=8\nb slots=4\n")
    runtime = replace(PARAMS.runtime, hostfile=str(tmp_path / "hosts"))
    assert hostfile.processes_per_machine(replace(PARAMS, processes=12, runtime=runtime)) == 8
    assert hostfile.processes_per_machine(PARAMS) == 2


@pytest.mark.parametrize("text", ["a\n", "a slots=x\n", "a slots=1\na slots=2\n"])
def test_a_hostfile_with_another_line_is_refused_with_its_place(tmp_path, text):
    (tmp_path / "hosts").write_text(text)
    with pytest.raises(StageError, match=r"hosts:[12]: found 'a.*', accepted: HOST slots=N, each host once$"):
        hostfile.read_slots(tmp_path / "hosts")
