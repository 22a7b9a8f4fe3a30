"""Benchmarks that cannot run here are left out with the reason."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from wizardcoder.core.params import load
from wizardcoder.evaluation.available import load_available
from wizardcoder.evaluation.settings import Params
from wizardcoder.sandbox import toolchains
from wizardcoder.scoring.ds1000 import runner as ds1000

ROOT = Path(__file__).resolve().parents[2]
PARAMS = load(Params, ROOT / "params.yaml")


def settings(**changes):
    """Return the real parameters with other values in `evaluate`, and all benchmarks in `decontaminate.benchmarks`."""
    found = replace(PARAMS.evaluate, **changes)
    return replace(PARAMS, evaluate=found, decontaminate=replace(PARAMS.decontaminate, benchmarks=list(found.problems)))


def test_the_first_problems_of_a_benchmark_are_taken_in_its_order(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = load_available(settings(problems={"dev": 3, "humaneval": 2}))
    assert {name: [p.task_id for p in problems] for name, problems in found.problems.items()} == {
        "dev": ["Dev/0", "Dev/1", "Dev/2"],
        "humaneval": ["HumanEval/0", "HumanEval/1"],
    }
    assert (found.not_run, found.problems_not_run) == ({}, {})


def test_a_benchmark_without_a_source_or_a_toolchain_is_not_run_and_the_reason_is_kept(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(toolchains, "missing_tools", lambda name: f"{name} not found; install: it")
    params = settings(problems={"dev": 1, "mbpp_plus": None, "multiple_rs": None})
    found = load_available(replace(params, benchmarks=params.benchmarks | {"multiple_rs": "params.yaml.jsonl"}))
    assert list(found.problems) == ["dev"]
    assert list(found.not_run) == ["mbpp_plus", "multiple_rs"]
    assert found.not_run["mbpp_plus"].startswith("benchmarks.mbpp_plus: not set in params.yaml, accepted: ")
    assert found.not_run["multiple_rs"].startswith("benchmarks.multiple_rs: params.yaml.jsonl: no such file; ")
    assert f"evaluate: mbpp_plus not run: {found.not_run['mbpp_plus']}\n" in capsys.readouterr().err


def of_ds1000(folder, *libraries):
    rows = [
        {"prompt": "", "reference_code": "x", "code_context": "x", "metadata": {"problem_id": number, "library": name}}
        for number, name in enumerate(libraries)
    ]
    (folder / "ds1000.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    params = settings(problems={"ds1000": None, "dev": 1})
    return replace(params, benchmarks=params.benchmarks | {"ds1000": str(folder / "ds1000.jsonl")})


def test_problems_of_a_library_that_is_not_there_are_left_out_and_counted(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(ds1000, "missing_environment", lambda: None)
    found = load_available(of_ds1000(tmp_path, "Pandas", "Tensorflow", "Pytorch"))
    assert [p.task_id for p in found.problems["ds1000"]] == ["DS-1000/0"]
    assert found.problems_not_run == {"ds1000": 2}
    assert "evaluate: ds1000: 2 problems not run: not run: the DS-1000 environment has no Tensorflow" in (
        capsys.readouterr().err
    )


def test_a_benchmark_of_which_no_problem_can_run_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(ds1000, "missing_environment", lambda: None)
    found = load_available(of_ds1000(tmp_path, "Tensorflow"))
    assert list(found.problems) == ["dev"]
    assert "the DS-1000 environment has no Tensorflow" in found.not_run["ds1000"]
