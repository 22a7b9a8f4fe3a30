"""pass@k, worked out by hand."""

from __future__ import annotations

import pytest

from wizardcoder.statistics.intervals import Interval, IntervalEstimate, bootstrap_interval, wilson_interval
from wizardcoder.statistics.pass_at_k import estimate_pass_at_k, pass_at_k


@pytest.mark.parametrize(
    ("n", "c", "k", "expected"),
    [
        (1, 0, 1, 0.0),
        (1, 1, 1, 1.0),
        (2, 1, 1, 0.5),
        (2, 1, 2, 1.0),
        (4, 1, 2, 0.5),  # 1 - C(3,2)/C(4,2) = 1 - 3/6
        (5, 2, 2, 0.7),  # 1 - C(3,2)/C(5,2) = 1 - 3/10
        (10, 3, 5, 11 / 12),  # 1 - C(7,5)/C(10,5) = 1 - 21/252
        (200, 1, 100, 0.5),
        (200, 0, 100, 0.0),
        (200, 101, 100, 1.0),
    ],
)
def test_the_estimate_is_the_one_of_the_formula(n, c, k, expected):
    assert pass_at_k(n, c, k) == pytest.approx(expected)


@pytest.mark.parametrize(("n", "c", "k"), [(0, 0, 1), (1, 0, 0), (1, 0, 2), (1, 2, 1), (1, -1, 1), (3, 1, -1)])
def test_counts_out_of_bounds_are_refused(n, c, k):
    with pytest.raises(ValueError, match="accepted is 1 <= k <= n and 0 <= c <= n"):
        pass_at_k(n, c, k)


def ends(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high


def test_no_problems_are_refused():
    with pytest.raises(ValueError, match="no problems"):
        estimate_pass_at_k({}, [1], seed=0)


def test_pass_at_1_of_one_sample_each_has_the_interval_of_wilson():
    counts = {str(i): (1, int(i < 8)) for i in range(10)}
    assert estimate_pass_at_k(counts, [1, 10], seed=0) == {1: IntervalEstimate(0.8, wilson_interval(8, 10))}


def test_pass_at_k_of_several_samples_has_the_interval_of_the_bootstrap_over_problems():
    counts = {"p0": (4, 1), "p1": (5, 2), "p2": (2, 0)}
    table = estimate_pass_at_k(counts, [1, 2], seed=3)
    estimates = [0.5, 0.7, 0.0]  # 1 - 3/6, 1 - 3/10
    assert table[2].value == pytest.approx(0.4)
    assert ends(table[2].interval) == pytest.approx(ends(bootstrap_interval(estimates, seed=3)))
    assert table[1].value == pytest.approx((0.25 + 0.4 + 0.0) / 3)


def test_a_single_problem_with_two_samples_is_enough_to_leave_wilson():
    table = estimate_pass_at_k({"p0": (1, 1), "p1": (2, 2)}, [1], seed=0)
    assert table == {1: IntervalEstimate(1.0, Interval(1.0, 1.0))}


def test_a_k_that_some_problem_has_too_few_samples_for_is_left_out():
    assert list(estimate_pass_at_k({"p0": (10, 5), "p1": (9, 5)}, [1, 5, 9, 10, 100], seed=0)) == [1, 5, 9]


@pytest.mark.parametrize(("counts", "k"), [((2, 1), 0), ((2, 3), 1)])
def test_a_k_or_counts_that_pass_at_k_refuses_are_refused(counts, k):
    with pytest.raises(ValueError, match="accepted is 1 <= k <= n and 0 <= c <= n"):
        estimate_pass_at_k({"p0": counts}, [k], seed=0)
