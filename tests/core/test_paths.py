"""Paths and round numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from dvc.repo import Repo

from wizardcoder.core import paths


def _outs() -> dict[str, str]:
    """Return the stage of every out of dvc.yaml that git does not keep."""
    with Repo(Path(__file__).resolve().parents[2]) as repo:
        outs = {out.def_path: stage.name for stage in repo.index.stages for out in stage.outs}
    return {path: stage for path, stage in outs.items() if not path.startswith("metrics/")}


OUTS = _outs()


def test_rounds_are_numbered_from_the_seed():
    assert list(paths.ROUND_NUMBERS) == [0, 1, 2, 3, 4]
    assert list(paths.EVOLVED_ROUNDS) == [1, 2, 3, 4]


def test_files_of_a_round():
    assert paths.round_folder(2) == Path("data/rounds/r2")
    assert paths.screened_round(2) == Path("data/screened/r2.jsonl")
    assert paths.evolve_metrics(2) == Path("metrics/evolve_r2.json")


@pytest.mark.parametrize("out", OUTS)
def test_the_writing_stage_of_an_out_is_that_of_dvc_yaml(out):
    assert paths.writing_stage(Path(out)) == OUTS[out]
    assert paths.writing_stage(Path(out) / "a.jsonl") == OUTS[out]


def test_a_file_that_no_stage_writes_has_no_cure():
    assert paths.missing_cure(Path("own/data/screened/r0.jsonl")) == ""


def test_a_missing_file_names_the_stage_that_writes_it():
    assert paths.missing_cure(Path("data/rounds/r3/pool.jsonl")) == "; `dvc repro evolve_r3` writes it"
    assert paths.missing_cure(Path("report/compare.html")) == "; `dvc repro report` writes it"
