"""Intervals and tests, against published tables, hand counts and full enumeration."""

from __future__ import annotations

from itertools import product
from random import Random
from statistics import NormalDist, fmean, quantiles

import pytest

from wizardcoder.statistics.significance import (
    Interval,
    Scored,
    bootstrap,
    holm,
    mcnemar,
    newcombe,
    paired,
    paired_means,
    pass_at_k_table,
    wilson,
)

MIXED = [0.0, 0.25, 0.5, 1.0]


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),
        (81, 263, 0.2553, 0.3662),  # this and the next three: Newcombe 1998, table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(passed, n, low, high):
    assert ends(wilson(passed, n)) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_fails_mirrors_that_of_passes_and_reaches_0_and_1_exactly():
    assert wilson(3, 11).low == pytest.approx(1 - wilson(8, 11).high)
    assert wilson(0, 7).low == 0.0
    assert wilson(7, 7).high == 1.0


def test_wilson_at_a_lower_confidence_is_narrower():
    # z = 1.2816: middle (8 + 0.8212) / 11.6424, half 1.2816 * sqrt(1.6 + 0.4106) / 11.6424
    assert ends(wilson(8, 10, confidence=0.8)) == pytest.approx((0.6016, 0.9138), abs=1e-4)


@pytest.mark.parametrize(("passed", "n"), [(0, 0), (-1, 5), (6, 5), (0, -1)])
def test_wilson_refuses_counts_out_of_bounds(passed, n):
    with pytest.raises(ValueError, match="accepted is n >= 1 and 0 <= passed <= n"):
        wilson(passed, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_no_share_is_refused(confidence):
    with pytest.raises(ValueError, match="accepted is above 0 and below 1"):
        wilson(1, 2, confidence)
    with pytest.raises(ValueError, match="accepted is above 0 and below 1"):
        bootstrap([1.0], seed=0, confidence=confidence)


@pytest.mark.parametrize(
    ("both", "gained", "lost", "neither", "low", "high", "places"),
    [
        (36, 12, 2, 0, 0.0569, 0.3404, 4),  # Newcombe 1998 (paired data), method 10
        (14, 5, 0, 22, 0.011, 0.226, 3),  # Altman, Machin, Bryant, Gardner 2000, Statistics with Confidence, ch. 6
        (59, 6, 16, 80, -0.1186, -0.0046, 4),  # Fagerland, Lydersen, Laake 2014, doi 10.1002/sim.6148: Cavo et al.
        (1, 1, 7, 12, -0.507, -0.026, 3),  # as above: Bentur et al.
    ],
)
def test_newcombes_interval_of_paired_shares_is_the_published_one(both, gained, lost, neither, low, high, places):
    found = ends(newcombe(both, gained, lost, neither))
    assert found == pytest.approx((low, high), abs=0.51 * 10**-places)


def test_newcombes_interval_turns_its_signs_when_the_models_are_exchanged():
    there, back = newcombe(5, 4, 1, 20), newcombe(5, 1, 4, 20)
    assert ends(there) == pytest.approx((-back.high, -back.low))


def test_newcombes_interval_of_unchanged_models_has_a_width_and_stays_within_1():
    assert ends(newcombe(0, 0, 0, 30)) == pytest.approx((-0.1135, 0.1135), abs=5e-5)
    assert newcombe(0, 30, 0, 0).high == 1.0
    assert newcombe(0, 0, 30, 0).low == -1.0


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (3, -1, 2, 2)])
def test_newcombes_interval_refuses_counts_that_cannot_be(counts):
    with pytest.raises(ValueError, match="accepted is"):
        newcombe(*counts)


def test_four_of_thirty_lost_and_none_gained_is_within_chance():
    a = {f"p{n}": int(n < 10) for n in range(30)}
    found = paired(a, {**a, **{f"p{n}": 0 for n in range(4)}}, seed=0)
    assert (found.p_value, found.significant) == (0.125, False)
    assert found.interval.high > 0


def test_where_interval_and_p_value_disagree_the_p_value_marks_significance():
    a = {f"p{n}": int(n < 10) for n in range(30)}
    found = paired(a, {**a, **{f"p{n}": 0 for n in range(5)}}, seed=0)
    assert found.interval.high == pytest.approx(-0.02, abs=0.005)
    assert (found.p_value, found.significant) == (0.0625, False)


def test_the_bootstrap_of_0_and_1_has_the_quantiles_of_a_binomial():
    # Binomial(100, 0.3): P(X <= 20) = 0.017, P(X <= 21) = 0.029; P(X <= 38) = 0.966, P(X <= 39) = 0.979
    assert ends(bootstrap([1.0] * 30 + [0.0] * 70, seed=0)) == pytest.approx((0.21, 0.39))


def test_the_bootstrap_has_the_quantiles_of_all_possible_resamples():
    tenths = quantiles(map(fmean, product(MIXED, repeat=4)), n=10, method="inclusive")
    assert ends(bootstrap(MIXED, seed=0, confidence=0.8)) == pytest.approx((tenths[0], tenths[-1]), abs=0.02)


def test_the_bootstrap_interval_covers_the_mean():
    for seed in range(20):
        values = [Random(f"{seed}/{i}").choice(MIXED) for i in range(30)]
        interval = bootstrap(values, seed, resamples=500)
        assert interval.low < fmean(values) < interval.high


def test_the_bootstrap_depends_on_the_seed_and_not_on_the_order_of_problems():
    values = [Random(i).random() for i in range(40)]
    assert bootstrap(values, seed=1) == bootstrap(values[::-1], seed=1)
    assert bootstrap(values, seed=1) != bootstrap(values, seed=2)


def test_the_bootstrap_of_one_repeated_value_has_no_width():
    assert bootstrap([0.1] * 3, seed=0) == Interval(0.1, 0.1)


@pytest.mark.parametrize(("values", "resamples"), [([], 10), ([1.0], 0)])
def test_the_bootstrap_refuses_to_draw_from_or_for_nothing(values, resamples):
    with pytest.raises(ValueError, match="accepted is at least one of each"):
        bootstrap(values, seed=0, resamples=resamples)


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
    assert mcnemar(gained, lost) == p


@pytest.mark.parametrize(("gained", "lost"), [(3, 2), (6, 1), (4, 4), (2, 7)])
def test_mcnemar_is_the_share_of_coin_tosses_at_least_as_lopsided(gained, lost):
    tosses = [sum(signs) for signs in product((-1, 1), repeat=gained + lost)]
    assert mcnemar(gained, lost) == sum(abs(toss) >= abs(gained - lost) for toss in tosses) / len(tosses)


def test_mcnemar_of_100_000_changed_problems_agrees_with_the_normal_law():
    normal = 2 * NormalDist().cdf(-(1000 - 1) / 100_000**0.5)
    assert mcnemar(50_500, 49_500) == pytest.approx(normal, rel=1e-3)
    assert mcnemar(100_000, 0) == 0.0


def test_mcnemar_refuses_negative_counts():
    with pytest.raises(ValueError, match="gained=3, lost=-1: accepted is 0 or more"):
        mcnemar(3, -1)


def test_greedy_models_are_compared_by_mcnemar():
    a = {"HumanEval/2": 1, "HumanEval/10": 0, "HumanEval/0": 0, "HumanEval/1": 1}
    b = {"HumanEval/2": 0, "HumanEval/10": 1, "HumanEval/0": 1, "HumanEval/1": 1}
    result = paired(a, b, seed=0)
    assert (result.problems, result.score_a, result.score_b, result.difference) == (4, 0.5, 0.75, 0.25)
    assert (result.test, result.p_value) == ("mcnemar", 1.0)  # 2 gained, 1 lost
    assert (result.gained, result.lost) == (("HumanEval/0", "HumanEval/10"), ("HumanEval/2",))
    assert result.interval == newcombe(both=1, gained=2, lost=1, neither=0)


def test_sampled_models_are_compared_by_the_share_of_sign_flips_at_least_as_extreme():
    a = dict(zip("abcdef", [0.1, 0.5, 0.3, 0.9, 0.2, 0.4], strict=True))
    b = dict(zip("abcdef", [0.4, 0.7, 0.3, 0.8, 0.7, 0.5], strict=True))
    tenths = [3, 2, 0, -1, 5, 1]
    flips = [sum(s * d for s, d in zip(signs, tenths, strict=True)) for signs in product((-1, 1), repeat=6)]
    exact = sum(abs(flip) >= 10 for flip in flips) / 64
    result = paired(a, b, seed=0)
    assert result.test == "permutation"
    assert result.p_value == pytest.approx(exact, abs=0.015)
    assert (result.gained, result.lost) == (("a", "b", "e", "f"), ("d",))


def test_sign_flips_that_tie_but_for_rounding_count_as_extreme():
    b = {"a": 0.2, "b": 0.4, "c": 0.3}  # 0.2 + 0.4 + 0.3 > 0.2 + 0.3 + 0.4 in floating point
    assert paired(dict.fromkeys(b, 0.0), b, seed=0).p_value == pytest.approx(2 / 8, abs=0.015)


def test_the_sign_flip_test_of_unchanged_models_gives_1_and_never_gives_0():
    half = {str(i): 0.5 for i in range(100)}
    assert paired(half, half, seed=0).p_value == 1.0
    assert paired(half, dict.fromkeys(half, 1.0), seed=0).p_value == 1 / 10_001


def test_a_comparison_depends_on_the_seed_and_not_on_the_order_of_problems():
    a = {str(i): Random(f"a/{i}").choice(MIXED) for i in range(50)}
    b = {str(i): Random(f"b/{i}").choice(MIXED) for i in range(50)}
    backwards = dict(reversed(a.items())), dict(reversed(b.items()))
    assert paired(a, b, seed=1) == paired(*backwards, seed=1)
    assert paired(a, b, seed=1) != paired(a, b, seed=2)


def test_an_exchange_of_the_models_turns_the_signs():
    a, b = {"x": 0.0, "y": 0.5, "z": 0.25}, {"x": 1.0, "y": 0.25, "z": 1.0}
    there, back = paired(a, b, seed=0), paired(b, a, seed=0)
    assert there.difference == -back.difference == 0.5
    assert (there.gained, there.lost, there.p_value) == (back.lost, back.gained, back.p_value)


def test_problems_that_only_one_model_has_are_refused_and_three_are_named():
    with pytest.raises(ValueError, match=r"5 problems are in only one of the two, such as p1, p2, p3$"):
        paired({"p0": 1, "p1": 1, "p4": 0}, {"p0": 1, "p2": 1, "p3": 1, "p5": 1}, seed=0)


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_an_estimate_that_is_no_share_is_refused(value):
    with pytest.raises(ValueError, match=r"p1: found .*, accepted is 0\.\.1"):
        paired({"p0": 1, "p1": 1}, {"p0": 1, "p1": value}, seed=0)


def test_no_problems_are_refused():
    with pytest.raises(ValueError, match="no problems"):
        paired({}, {}, seed=0)
    with pytest.raises(ValueError, match="no problems"):
        pass_at_k_table({}, [1], seed=0)


def test_pass_at_1_of_one_sample_each_has_the_interval_of_wilson():
    counts = {str(i): (1, int(i < 8)) for i in range(10)}
    assert pass_at_k_table(counts, [1, 10], seed=0) == {1: Scored(0.8, wilson(8, 10))}


def test_pass_at_k_of_several_samples_has_the_interval_of_the_bootstrap_over_problems():
    counts = {"p0": (4, 1), "p1": (5, 2), "p2": (2, 0)}
    table = pass_at_k_table(counts, [1, 2], seed=3)
    estimates = [0.5, 0.7, 0.0]  # 1 - 3/6, 1 - 3/10
    assert table[2].value == pytest.approx(0.4)
    assert ends(table[2].interval) == pytest.approx(ends(bootstrap(estimates, seed=3)))
    assert table[1].value == pytest.approx((0.25 + 0.4 + 0.0) / 3)


def test_a_single_problem_with_two_samples_is_enough_to_leave_wilson():
    table = pass_at_k_table({"p0": (1, 1), "p1": (2, 2)}, [1], seed=0)
    assert table == {1: Scored(1.0, Interval(1.0, 1.0))}


def test_a_k_that_some_problem_has_too_few_samples_for_is_left_out():
    assert list(pass_at_k_table({"p0": (10, 5), "p1": (9, 5)}, [1, 5, 9, 10, 100], seed=0)) == [1, 5, 9]


@pytest.mark.parametrize(("counts", "k"), [((2, 1), 0), ((2, 3), 1)])
def test_a_k_or_counts_that_pass_at_k_refuses_are_refused(counts, k):
    with pytest.raises(ValueError, match="accepted is 1 <= k <= n and 0 <= c <= n"):
        pass_at_k_table({"p0": counts}, [k], seed=0)


def test_a_measure_beyond_0_and_1_is_compared_by_permutation():
    a = {f"p{n}": 1.0 for n in range(5)}
    found = paired_means(a, dict.fromkeys(a, 1.5), seed=0)
    assert (found.difference, found.test) == (0.5, "permutation")
    assert ends(found.interval) == (0.5, 0.5)
    assert found.p_value == pytest.approx(2 / 2**5, abs=0.01)  # all five signs alike: 2 of 32 tosses


def test_a_measure_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="p: found nan, accepted is a finite number"):
        paired_means({"p": float("nan")}, {"p": 1.0}, seed=0)


def test_holm_multiplies_by_the_number_that_is_left_and_never_falls_below_its_predecessor():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.001, 0.9]) == pytest.approx([1.0, 0.003, 1.0])
    assert holm([]) == []
