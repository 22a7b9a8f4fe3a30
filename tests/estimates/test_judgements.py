"""Judgements of the stages after the rounds, counted by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.records import Example
from wizardcoder.estimates.judgements import (
    RoundSize,
    estimate_decontamination,
    estimate_rating,
    estimate_screening,
    round_sizes,
)
from wizardcoder.estimates.rounds import Estimate
from wizardcoder.teacher.budget import Price

SIZES = {0: RoundSize(4, 20.0, 30.0), 1: RoundSize(4, 40.0, 100.0)}


@pytest.fixture
def estimator():
    """Count a character as a token; judgements have 2 of at most 8, responses 100; a token costs one."""
    runtime = SimpleNamespace(price=Price(input=1e6, output=1e6))
    settings = SimpleNamespace(teacher=SimpleNamespace(runtime=runtime))
    lengths, rounds = {"judge": 2, "respond": 100}, {1: Estimate(), 3: Estimate()}
    return SimpleNamespace(settings=settings, count=len, lengths=lengths, limits={"judge": 8}, rounds=rounds)


def problem(prompt, solution):
    return Problem("T/0", prompt, solution, "f", "", "check")


def test_a_round_grows_the_instruction_and_has_responses_of_the_expected_length(estimator):
    seeds = [Example(str(n), None, 0, None, "i" * 10 * n, "r" * 30) for n in (1, 3)]
    assert round_sizes(estimator, seeds) == {
        0: RoundSize(2, 20, 30),
        1: RoundSize(2, 80, 100),
        3: RoundSize(2, 140, 100),
    }


def test_screening_asks_once_about_each_record(estimator):
    # prompts: 4 * (5 + 20 + 30) + 4 * (5 + 40 + 100) = 800; answers: 8 * 2; at most twice (800 + 8 * 8)
    assert estimate_screening(estimator, SIZES, "harm?", attempts=2) == Estimate(0, 8, 800, 16, 816, 1728)


def test_difficulty_is_asked_about_a_sample_of_each_round(estimator):
    # prompts: 3 * (5 + 20) + 3 * (5 + 40) = 210; answers: 6 * 2; at most three times (210 + 6 * 8)
    assert estimate_rating(estimator, SIZES, "rate:", sample=3, attempts=3) == Estimate(0, 6, 210, 12, 222, 774)


def test_contamination_is_asked_about_top_k_records_of_each_problem(estimator):
    problems = [problem("p" * 10, "s" * 9), problem("p" * 20, "s" * 19)]
    # a record has (50 + 140) / 2 tokens, a problem 20 and 40: 5 * (3 + 20 + 95) + 5 * (3 + 40 + 95) = 1280
    found = estimate_decontamination(estimator, SIZES, problems, prompt="in?", top_k=5, attempts=3)
    assert found == Estimate(0, 10, 1280, 20, 1300, 4080)
    assert (
        estimate_decontamination(estimator, SIZES, problems, prompt="in?", top_k=50, attempts=3).requests == 16
    )  # of 8 records
    assert estimate_decontamination(estimator, {}, problems, prompt="in?", top_k=5, attempts=3) == Estimate()
