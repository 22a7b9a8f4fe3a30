"""Confidence intervals of shares, of differences of paired shares, and of means over problems.

Samples of one problem are not independent, so the problem is the unit that is resampled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95  # the usual level
RESAMPLES = 10_000  # ours: a p of 0.05 is then off by about 0.002 (one standard error)


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class IntervalEstimate:
    """An estimate with its interval."""

    value: float
    interval: Interval


def wilson_interval(passed: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the Wilson score interval of a share of independent passes, without continuity correction.

    Source: Wilson 1927, doi 10.1080/01621459.1927.10502953; Newcombe 1998, method 3.

    Raises:
        ValueError: n < 1, passed outside 0..n, or confidence outside 0..1.

    >>> wilson_interval(0, 10).low
    0.0
    """
    if not 0 <= passed <= n or n < 1:
        raise ValueError(f"passed={passed}, n={n}: accepted is n >= 1 and 0 <= passed <= n")
    z = NormalDist().inv_cdf(1 - _tail(confidence))
    middle = (passed + z * z / 2) / (n + z * z)
    half = z * sqrt(passed * (n - passed) / n + z * z / 4) / (n + z * z)
    return Interval(0.0 if passed == 0 else middle - half, 1.0 if passed == n else middle + half)


def newcombe_interval(both: int, gained: int, lost: int, neither: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the score interval of a difference of paired shares, (gained - lost) / n: Newcombe's method 10.

    Squares and adds the Wilson intervals of the two shares and subtracts their correlation phi. A positive phi gets a
    continuity correction; phi is 0 if a share is 0 or 1. The interval keeps a width even if nothing changed: 0 passes
    of 30 in both give -0.11 to 0.11. Source: Newcombe 1998, Improved confidence intervals for the difference between
    binomial proportions based on paired data, Statistics in Medicine 17, 2635-2650.

    Args:
        both: pairs that pass in both.
        gained: pairs that pass only in the second.
        lost: pairs that pass only in the first.
        neither: pairs that pass in neither.
        confidence: above 0 and below 1.

    Raises:
        ValueError: a count below 0, no pairs, or confidence outside 0..1.
    """
    if min(both, gained, lost, neither) < 0:
        raise ValueError(f"found {both}, {gained}, {lost}, {neither}: accepted is 0 or more of each")
    n, before, after = both + gained + lost + neither, both + lost, both + gained
    a, b = wilson_interval(before, n, confidence), wilson_interval(after, n, confidence)
    share_a, share_b = before / n, after / n
    product = both * neither - gained * lost
    spread = sqrt(before * (n - before) * after * (n - after))
    phi = 0.0 if spread == 0 else (max(product - n / 2, 0) if product > 0 else product) / spread
    below = _squared_and_added(share_b - b.low, a.high - share_a, phi)
    above = _squared_and_added(b.high - share_b, share_a - a.low, phi)
    return Interval(share_b - share_a - below, share_b - share_a + above)


def bootstrap_interval(
    per_problem: Sequence[float], seed: int, resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> Interval:
    """Return the percentile bootstrap interval of the mean over problems (Efron and Tibshirani 1993, ch. 13).

    Draws how often each distinct value occurs in a resample: the same distribution, faster, and independent of the
    order of the problems. If all problems have the same value, the interval has no width.

    Raises:
        ValueError: no problems, resamples < 1, or confidence outside 0..1.
    """
    import numpy as np

    n, tail = len(per_problem), _tail(confidence)
    if n < 1 or resamples < 1:
        raise ValueError(f"{n} problems, {resamples} resamples: accepted is at least one of each")
    values, counts = np.unique(np.asarray(per_problem, dtype=float), return_counts=True)
    rng = np.random.default_rng(seed)
    # one resample at a time: all at once would take resamples * distinct values of memory
    means = [(rng.multinomial(n, counts / n) / n) @ values for _ in range(resamples)]
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: accepted is above 0 and below 1")
    return (1 - confidence) / 2


def _squared_and_added(one: float, other: float, phi: float) -> float:
    """Return the half-width of a difference from the half-widths of its two parts and their correlation phi."""
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))  # rounding may fall below 0
