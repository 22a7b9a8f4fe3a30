"""Which part of a problem a text contains most of."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.decontaminate import Params
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.params import load
from wizardcoder.decontamination.overlap import Overlap, OverlapIndex

RULE = load(Params, Path(__file__).resolve().parents[2] / "params.yaml").decontaminate.rule
PROMPT = 'def total(values):\n    """Return the sum of all odd values of a list."""\n'
SOLUTION = """    found = 0
    for value in values:
        if value % 2 == 1:
            found += value
    return found
"""
PROBLEMS = [
    Problem("T/0", PROMPT, SOLUTION, prefix=PROMPT),
    Problem("T/1", 'def f(x):\n    """Reverse x."""\n', "    return x[::-1]\n"),
]


@pytest.fixture(scope="module")
def index() -> OverlapIndex:
    return OverlapIndex(PROBLEMS, RULE)


def test_a_sentence_of_the_task_is_found_in_other_text(index):
    found = index.find("Please help me. Return the sum of all odd values of a list. Thanks!")
    assert found == {0: Overlap("statement", 1.0)}


def test_a_renamed_solution_is_found_as_a_solution_and_an_unchanged_one_as_a_program(index):
    renamed = SOLUTION.replace("found", "s").replace("values", "v").replace("value", "x")
    assert index.find(f"def g(v):\n{renamed}")[0].part == "solution"
    assert index.find(f"def total(values):\n{SOLUTION}")[0] == Overlap("program", 1.0)


def test_unrelated_text_has_no_overlap(index):
    assert index.find("Write a haiku about the sea.") == {}
