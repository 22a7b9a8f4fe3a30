"""Intervals, against published tables and full enumeration."""

from __future__ import annotations

from itertools import product
from random import Random
from statistics import fmean, quantiles

import pytest

from wizardcoder.statistics.intervals import (
    Interval,
    bootstrap_interval,
    newcombe_interval,
    wilson_interval,
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
    assert ends(wilson_interval(passed, n)) == pytest.approx((low, high), abs=5e-5)


def test_wilson_of_fails_mirrors_that_of_passes_and_reaches_0_and_1_exactly():
    assert wilson_interval(3, 11).low == pytest.approx(1 - wilson_interval(8, 11).high)
    assert wilson_interval(0, 7).low == 0.0
    assert wilson_interval(7, 7).high == 1.0


def test_wilson_at_a_lower_confidence_is_narrower():
    # z = 1.2816: middle (8 + 0.8212) / 11.6424, half 1.2816 * sqrt(1.6 + 0.4106) / 11.6424
    assert ends(wilson_interval(8, 10, confidence=0.8)) == pytest.approx((0.6016, 0.9138), abs=1e-4)


@pytest.mark.parametrize(("passed", "n"), [(0, 0), (-1, 5), (6, 5), (0, -1)])
def test_wilson_refuses_counts_out_of_bounds(passed, n):
    with pytest.raises(ValueError, match="accepted is n >= 1 and 0 <= passed <= n"):
        wilson_interval(passed, n)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_no_share_is_refused(confidence):
    with pytest.raises(ValueError, match="accepted is above 0 and below 1"):
        wilson_interval(1, 2, confidence)
    with pytest.raises(ValueError, match="accepted is above 0 and below 1"):
        bootstrap_interval([1.0], seed=0, confidence=confidence)


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
    found = ends(newcombe_interval(both, gained, lost, neither))
    assert found == pytest.approx((low, high), abs=0.51 * 10**-places)


def test_newcombes_interval_turns_its_signs_when_the_models_are_exchanged():
    there, back = newcombe_interval(5, 4, 1, 20), newcombe_interval(5, 1, 4, 20)
    assert ends(there) == pytest.approx((-back.high, -back.low))


def test_newcombes_interval_of_unchanged_models_has_a_width_and_stays_within_1():
    assert ends(newcombe_interval(0, 0, 0, 30)) == pytest.approx((-0.1135, 0.1135), abs=5e-5)
    assert newcombe_interval(0, 30, 0, 0).high == 1.0
    assert newcombe_interval(0, 0, 30, 0).low == -1.0


@pytest.mark.parametrize("counts", [(0, 0, 0, 0), (3, -1, 2, 2)])
def test_newcombes_interval_refuses_counts_that_cannot_be(counts):
    with pytest.raises(ValueError, match="accepted is"):
        newcombe_interval(*counts)


def test_the_bootstrap_of_0_and_1_has_the_quantiles_of_a_binomial():
    # Binomial(100, 0.3): P(X <= 20) = 0.017, P(X <= 21) = 0.029; P(X <= 38) = 0.966, P(X <= 39) = 0.979
    assert ends(bootstrap_interval([1.0] * 30 + [0.0] * 70, seed=0)) == pytest.approx((0.21, 0.39))


def test_the_bootstrap_has_the_quantiles_of_all_possible_resamples():
    tenths = quantiles(map(fmean, product(MIXED, repeat=4)), n=10, method="inclusive")
    assert ends(bootstrap_interval(MIXED, seed=0, confidence=0.8)) == pytest.approx((tenths[0], tenths[-1]), abs=0.02)


def test_the_bootstrap_interval_covers_the_mean():
    for seed in range(20):
        values = [Random(f"{seed}/{i}").choice(MIXED) for i in range(30)]
        interval = bootstrap_interval(values, seed, resamples=500)
        assert interval.low < fmean(values) < interval.high


def test_the_bootstrap_depends_on_the_seed_and_not_on_the_order_of_problems():
    values = [Random(i).random() for i in range(40)]
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values[::-1], seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_the_bootstrap_of_one_repeated_value_has_no_width():
    assert bootstrap_interval([0.1] * 3, seed=0) == Interval(0.1, 0.1)


@pytest.mark.parametrize(("values", "resamples"), [([], 10), ([1.0], 0)])
def test_the_bootstrap_refuses_to_draw_from_or_for_nothing(values, resamples):
    with pytest.raises(ValueError, match="accepted is at least one of each"):
        bootstrap_interval(values, seed=0, resamples=resamples)
