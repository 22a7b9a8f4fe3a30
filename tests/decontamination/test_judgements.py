"""Which pairs are decided without the teacher, and for which reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stages.decontaminate import Params
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.params import load
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.judgements import find_copy_reason, find_match_reason, judge_pairs
from wizardcoder.decontamination.overlap import Overlap
from wizardcoder.decontamination.pairs import Pair
from wizardcoder.teacher.judging import UnclearLimit

PARAMS = load(Params, Path(__file__).resolve().parents[2] / "params.yaml")
OWN = replace(
    PARAMS.decontaminate,
    rule=replace(PARAMS.decontaminate.rule, min_overlap=0.5, min_code_overlap=0.75, min_similarity=0.8, min_doubt=0.2),
)


def pair(similarity: float, overlap: Overlap, solution: str | None = None) -> Pair:
    test = BenchmarkProblem("dev", Problem("Dev/1", "Add two numbers.", "return a + b"))
    return Pair(test, Example("e", None, 0, None, "i", "r"), similarity, overlap, solution)


@pytest.mark.parametrize(
    ("overlap", "reason"),
    [
        (Overlap("statement", 0.5), "statement overlap 0.50 >= 0.5"),
        (Overlap("prompt", 0.49), None),
        (Overlap("program", 0.8), "program overlap 0.80 >= 0.75"),
        (Overlap("solution", 0.7), None),
    ],
)
def test_a_copy_reaches_the_share_of_its_part(overlap, reason):
    assert find_copy_reason(pair(0.0, overlap), OWN.rule) == reason


def test_the_rule_matches_copies_first_and_then_similar_pairs():
    assert find_match_reason(pair(0.9, Overlap("prompt", 1.0)), OWN.rule) == "prompt overlap 1.00 >= 0.5"
    assert find_match_reason(pair(0.9, Overlap("prompt", 0.0)), OWN.rule) == "similarity 0.90 >= 0.8"
    assert find_match_reason(pair(0.7, Overlap("prompt", 0.0)), OWN.rule) is None


@pytest.mark.parametrize(
    ("judge", "similarity", "share", "solution", "expected"),
    [
        ("rule", 0.1, 1.0, "f solves it", (True, "rule")),  # a copy is reported before a solution
        ("rule", 0.1, 0.0, "f solves it", (True, "execution")),
        ("rule", 0.9, 0.0, None, (True, "rule")),
        ("rule", 0.1, 0.0, None, (False, "rule")),
        ("both", 0.1, 1.0, None, (True, "rule")),
        ("both", 0.1, 0.0, "f solves it", (True, "execution")),
        ("both", 0.1, 0.0, None, (False, "rule")),  # below min_doubt
        ("teacher", 0.1, 1.0, "f solves it", (True, "execution")),
    ],
)
def test_pairs_that_need_no_teacher_are_decided_without_one(judge, similarity, share, solution, expected):
    judged = [pair(similarity, Overlap("prompt", share), solution)]
    (found,) = judge_pairs(judged, replace(OWN, judge=judge), PARAMS.teacher, 1, UnclearLimit.of(PARAMS.teacher))
    assert (found.match, found.judge) == expected
    assert found.clear
