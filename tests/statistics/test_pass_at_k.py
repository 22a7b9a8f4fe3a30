"""pass@k, worked out by hand."""

from __future__ import annotations

import pytest

from wizardcoder.statistics.pass_at_k import mean_pass_at_1, pass_at_k


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


def test_pass_at_1_with_one_sample_is_the_share_of_problems_passed():
    assert mean_pass_at_1([True, False, False, True, False]) == 0.4
    assert mean_pass_at_1([True]) == 1.0
