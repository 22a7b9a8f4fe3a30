"""Results of reference solutions: computed once for a problem, whatever copy of it arrives."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.scoring.references import References

PROBLEM = Problem("T/0", "p", "s", base_inputs=([1, 2],))


@pytest.fixture
def references(tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path))
    with References() as found:
        yield found


def test_a_copy_of_a_problem_reuses_its_result(references):
    computed = []
    for _ in range(5):
        copy = pickle.loads(pickle.dumps(PROBLEM))
        assert references.remember(copy, "x", lambda: computed.append(1) or 7) == 7
    assert computed == [1]


def test_a_changed_problem_replaces_what_was_remembered(references):
    assert references.remember(PROBLEM, "x", lambda: 1) == 1
    assert references.remember(replace(PROBLEM, atol=1.0), "x", lambda: 2) == 2
    assert references.remember(PROBLEM, "x", lambda: 3) == 3


def test_what_is_saved_is_loaded_for_the_same_problem_and_name_alone(references):
    assert references.load_or_compute(PROBLEM, "x", lambda: {"is": True}) == {"is": True}
    assert references.load(PROBLEM, "x") == {"is": True}
    assert references.load(PROBLEM, "y") is None
    assert references.load(replace(PROBLEM, atol=1.0), "x") is None
