"""Which training samples are paired with which test samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.decontaminate import Params
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.params import load
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.pairs import PairSearch, largest_similarities

RULE = load(Params, Path(__file__).resolve().parents[2] / "params.yaml").decontaminate.rule
TASKS = ("Sort the given list of words by length.", "Return the largest prime factor of a number.")
TESTS = [BenchmarkProblem("dev", Problem(f"Dev/{n}", task, "    pass\n")) for n, task in enumerate(TASKS)]
TEXTS = [
    ("Sort words by length.", "ok"),
    ("Find the largest factor.", "ok"),
    ("Write a haiku.", f"It says: {TASKS[1]}"),
    ("Bake bread.", "def f(): pass"),
]
EXAMPLES = [Example(f"e{n}", None, 0, None, *texts) for n, texts in enumerate(TEXTS)]


@pytest.fixture
def search(tmp_path) -> PairSearch:
    return PairSearch(TESTS, EXAMPLES, "tfidf", RULE, tmp_path, solutions={3: {0: "f solves it"}})


def ids(found) -> set[tuple[int, str]]:
    return {(test, pair.example.id) for test, pair in found}


def test_the_most_similar_samples_are_paired(search):
    assert ids(search.find([0, 1], 0, 1)) == {(0, "e0"), (1, "e1")}
    assert ids(search.find([1], 0, 1)) == {(1, "e1")}


def test_copies_are_paired_at_any_rank(search):
    assert ids(search.find([0, 1], 0, 1, copies=True)) == {(0, "e0"), (1, "e1"), (1, "e2")}


def test_solutions_are_paired_at_any_rank_if_asked_for(search):
    found = list(search.find([0, 1], 0, 1, copies=True, solutions=True))
    assert ids(found) == {(0, "e0"), (1, "e1"), (1, "e2"), (0, "e3")}
    assert {pair.example.id: pair.solution for _, pair in found}["e3"] == "f solves it"


def test_a_test_sample_s_largest_similarity_is_that_of_its_nearest_sample(search):
    pairs = [pair for _, pair in search.find([0, 1], 0, 4)]
    assert len(pairs) == 8
    nearest = {pair.test.problem.task_id: pair.similarity for _, pair in search.find([0, 1], 0, 1)}
    assert largest_similarities(pairs) == {"dev": [nearest["Dev/0"], nearest["Dev/1"]]}
