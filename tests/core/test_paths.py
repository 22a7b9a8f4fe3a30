"""Paths and round numbers."""

from __future__ import annotations

from pathlib import Path

from wizardcoder.core import paths


def test_rounds_are_numbered_from_the_seed():
    assert list(paths.ROUND_NUMBERS) == [0, 1, 2, 3, 4]
    assert list(paths.EVOLVED_ROUNDS) == [1, 2, 3, 4]


def test_files_of_a_round():
    assert paths.round_folder(2) == Path("data/rounds/r2")
    assert paths.screened_round(2) == Path("data/screened/r2.jsonl")
    assert paths.evolve_metrics(2) == Path("metrics/evolve_r2.json")
