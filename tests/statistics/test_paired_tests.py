"""Paired tests, against hand counts and full enumeration."""

from __future__ import annotations

from itertools import product
from random import Random
from statistics import NormalDist

import pytest

from wizardcoder.statistics.intervals import (
    Interval,
    newcombe_interval,
)
from wizardcoder.statistics.paired_tests import compare_means, compare_passes, correct_holm, mcnemar_p_value

MIXED = [0.0, 0.25, 0.5, 1.0]


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def test_four_of_thirty_lost_and_none_gained_is_within_chance():
    a = {f"p{n}": int(n < 10) for n in range(30)}
    found = compare_passes(a, {**a, **{f"p{n}": 0 for n in range(4)}}, seed=0)
    assert (found.p_value, found.significant) == (0.125, False)
    assert found.interval.high > 0


def test_where_interval_and_p_value_disagree_the_p_value_marks_significance():
    a = {f"p{n}": int(n < 10) for n in range(30)}
    found = compare_passes(a, {**a, **{f"p{n}": 0 for n in range(5)}}, seed=0)
    assert found.interval.high == pytest.approx(-0.02, abs=0.005)
    assert (found.p_value, found.significant) == (0.0625, False)


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        (5, 0, 0.0625),  # 2 / 2^5
        (0, 5, 0.0625),
        (10, 2, 0.03857421875),  # 2 (1 + 12 + 66) / 2^12
        (7, 7, 1.0),
    ],
)
def test_mcnemar_gives_the_value_worked_out_by_hand(gained, lost, p):
    assert mcnemar_p_value(gained, lost) == p


@pytest.mark.parametrize(("gained", "lost"), [(3, 2), (6, 1), (4, 4), (2, 7)])
def test_mcnemar_is_the_share_of_coin_tosses_at_least_as_lopsided(gained, lost):
    tosses = [sum(signs) for signs in product((-1, 1), repeat=gained + lost)]
    assert mcnemar_p_value(gained, lost) == sum(abs(toss) >= abs(gained - lost) for toss in tosses) / len(tosses)


def test_mcnemar_of_100_000_changed_problems_agrees_with_the_normal_law():
    normal = 2 * NormalDist().cdf(-(1000 - 1) / 100_000**0.5)
    assert mcnemar_p_value(50_500, 49_500) == pytest.approx(normal, rel=1e-3)
    assert mcnemar_p_value(100_000, 0) == 0.0


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="gained=3, lost=-1: accepted is 0 or more"):
        mcnemar_p_value(3, -1)


def test_greedy_models_are_compared_by_mcnemar():
    a = {"HumanEval/2": 1, "HumanEval/10": 0, "HumanEval/0": 0, "HumanEval/1": 1}
    b = {"HumanEval/2": 0, "HumanEval/10": 1, "HumanEval/0": 1, "HumanEval/1": 1}
    result = compare_passes(a, b, seed=0)
    assert (result.problems, result.score_a, result.score_b, result.difference) == (4, 0.5, 0.75, 0.25)
    assert (result.test, result.p_value) == ("mcnemar", 1.0)  # 2 gained, 1 lost
    assert (result.gained, result.lost) == (("HumanEval/0", "HumanEval/10"), ("HumanEval/2",))
    assert result.interval == newcombe_interval(both=1, gained=2, lost=1, neither=0)


def test_sampled_models_are_compared_by_the_share_of_sign_flips_at_least_as_extreme():
    a = dict(zip("abcdef", [0.1, 0.5, 0.3, 0.9, 0.2, 0.4], strict=True))
    b = dict(zip("abcdef", [0.4, 0.7, 0.3, 0.8, 0.7, 0.5], strict=True))
    tenths = [3, 2, 0, -1, 5, 1]
    flips = [sum(s * d for s, d in zip(signs, tenths, strict=True)) for signs in product((-1, 1), repeat=6)]
    exact = sum(abs(flip) >= 10 for flip in flips) / 64
    result = compare_passes(a, b, seed=0)
    assert result.test == "permutation"
    assert result.p_value == pytest.approx(exact, abs=0.015)
    assert (result.gained, result.lost) == (("a", "b", "e", "f"), ("d",))


def test_sign_flips_that_tie_but_for_rounding_count_as_extreme():
    b = {"a": 0.2, "b": 0.4, "c": 0.3}  # 0.2 + 0.4 + 0.3 > 0.2 + 0.3 + 0.4 in floating point
    assert compare_passes(dict.fromkeys(b, 0.0), b, seed=0).p_value == pytest.approx(2 / 8, abs=0.015)


def test_the_sign_flip_test_of_unchanged_models_gives_1_and_never_gives_0():
    half = {str(i): 0.5 for i in range(100)}
    assert compare_passes(half, half, seed=0).p_value == 1.0
    assert compare_passes(half, dict.fromkeys(half, 1.0), seed=0).p_value == 1 / 10_001


def test_a_comparison_depends_on_the_seed_and_not_on_the_order_of_problems():
    a = {str(i): Random(f"a/{i}").choice(MIXED) for i in range(50)}
    b = {str(i): Random(f"b/{i}").choice(MIXED) for i in range(50)}
    backwards = dict(reversed(a.items())), dict(reversed(b.items()))
    assert compare_passes(a, b, seed=1) == compare_passes(*backwards, seed=1)
    assert compare_passes(a, b, seed=1) != compare_passes(a, b, seed=2)


def test_an_exchange_of_the_models_turns_the_signs():
    a, b = {"x": 0.0, "y": 0.5, "z": 0.25}, {"x": 1.0, "y": 0.25, "z": 1.0}
    there, back = compare_passes(a, b, seed=0), compare_passes(b, a, seed=0)
    assert there.difference == -back.difference == 0.5
    assert (there.gained, there.lost, there.p_value) == (back.lost, back.gained, back.p_value)


def test_problems_that_only_one_model_has_are_refused_and_three_are_named():
    with pytest.raises(ValueError, match=r"5 problems are in only one of the two, such as p1, p2, p3$"):
        compare_passes({"p0": 1, "p1": 1, "p4": 0}, {"p0": 1, "p2": 1, "p3": 1, "p5": 1}, seed=0)


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_an_estimate_that_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match=r"p1: found .*, accepted is 0\.\.1"):
        compare_passes({"p0": 1, "p1": 1}, {"p0": 1, "p1": value}, seed=0)


def test_a_measure_beyond_0_and_1_is_compared_by_permutation():
    a = {f"p{n}": 1.0 for n in range(5)}
    found = compare_means(a, dict.fromkeys(a, 1.5), seed=0)
    assert (found.difference, found.test) == (0.5, "permutation")
    assert ends(found.interval) == (0.5, 0.5)
    assert found.p_value == pytest.approx(2 / 2**5, abs=0.01)  # all five signs alike: 2 of 32 tosses


def test_a_measure_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="p: found nan, accepted is a finite number"):
        compare_means({"p": float("nan")}, {"p": 1.0}, seed=0)


def test_holm_multiplies_by_the_number_that_is_left_and_never_falls_below_its_predecessor():
    assert correct_holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert correct_holm([0.5, 0.001, 0.9]) == pytest.approx([1.0, 0.003, 1.0])
    assert correct_holm([]) == []


def test_no_problems_are_refused():
    with pytest.raises(ValueError, match="no problems"):
        compare_passes({}, {}, seed=0)
