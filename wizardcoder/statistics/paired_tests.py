"""Tests of whether two models differ on the same problems: paired differences, p-values, Holm's correction.

The p-value alone decides whether a difference is significant, everywhere in this project: it must be below LEVEL, after
Holm's correction if several differences are tested. The interval shows how large the difference may be. p-value and
interval come from different methods and can disagree near the level: 5 of 30 problems lost and none gained give
p = 0.0625 and an interval that ends at -0.02.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite
from statistics import fmean
from typing import Literal

from wizardcoder.statistics.intervals import RESAMPLES, Interval, bootstrap_interval, newcombe_interval

LEVEL = 0.05  # the usual level; a smaller p-value is called significant
TIE = 1e-9  # ours: far above rounding, far below 1/(samples of a * samples of b), the step between two different sums


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """Two models on the same problems; `difference` is b minus a, `gained` and `lost` are from a to b.

    Attributes:
        p_value: two-sided, from the test that `test` names.
        gained: sorted task_ids on which b scores higher.
        lost: sorted task_ids on which b scores lower.
    """

    problems: int
    score_a: float
    score_b: float
    difference: float
    interval: Interval
    p_value: float
    test: Literal["mcnemar", "permutation"]
    gained: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def significant(self) -> bool:
        """Whether this difference is significant on its own; for several, use `correct_holm` first."""
        return self.p_value < LEVEL


def compare_passes(a: Mapping[str, float], b: Mapping[str, float], seed: int) -> PairedDifference:
    """Compare two models by their pass@1 estimates per problem, 0..1 each, keyed by task_id.

    If every estimate is 0 or 1 (greedy decoding), the p-value is McNemar's and the interval Newcombe's, since a
    bootstrap over few changed problems is too narrow. Otherwise as `compare_means`.

    Raises:
        ValueError: no problems, problems that only one of the two has, or an estimate outside 0..1.
    """
    for task_id, value in (*a.items(), *b.items()):
        if not 0 <= value <= 1:
            raise ValueError(f"{task_id}: found {value}, accepted is 0..1")
    return _compare(a, b, seed, greedy={*a.values(), *b.values()} <= {0, 1})


def compare_means(a: Mapping[str, float], b: Mapping[str, float], seed: int) -> PairedDifference:
    """Compare two models by any finite measure per problem, such as a negative log-likelihood, keyed by task_id.

    The p-value is that of a sign-flip permutation test on the mean difference; the interval is a bootstrap over the
    problems' differences.

    Raises:
        ValueError: no problems, problems that only one of the two has, or a value that is not finite.
    """
    return _compare(a, b, seed, greedy=False)


def mcnemar_p_value(gained: int, lost: int) -> float:
    """Return the exact, two-sided p-value of McNemar's test: twice the smaller tail of Binomial(gained + lost, 1/2).

    Computes in whole numbers up to the final division, so no count overflows; 100,000 changed problems take about a
    second. Source: McNemar 1947, doi 10.1007/BF02295996.

    Raises:
        ValueError: a count below 0.

    >>> mcnemar_p_value(5, 0)
    0.0625
    """
    if min(gained, lost) < 0:
        raise ValueError(f"gained={gained}, lost={lost}: accepted is 0 or more")
    if gained == lost:  # the two tails overlap
        return 1.0
    n = gained + lost
    ways = accumulate(range(min(gained, lost)), lambda way, i: way * (n - i) // (i + 1), initial=1)
    return 2 * sum(ways) / (1 << n)


def correct_holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values of a family of comparisons after Holm's correction, in the given order.

    Multiplies the i-th smallest of m by m - i + 1 and keeps the order of sizes. The chance of any false finding then
    stays below the level, whatever the dependence between comparisons. Source: Holm 1979, jstor 4615733.

    >>> correct_holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected


def _compare(a: Mapping[str, float], b: Mapping[str, float], seed: int, *, greedy: bool) -> PairedDifference:
    _refuse_unpaired(a, b)
    differences = {task_id: b[task_id] - a[task_id] for task_id in sorted(a)}
    gained = tuple(task_id for task_id, difference in differences.items() if difference > 0)
    lost = tuple(task_id for task_id, difference in differences.items() if difference < 0)
    deltas = list(differences.values())
    both = sum(a[task_id] == b[task_id] == 1 for task_id in differences)
    changed = len(gained), len(lost)
    neither = len(deltas) - both - sum(changed)
    interval = newcombe_interval(both, *changed, neither) if greedy else bootstrap_interval(deltas, seed)
    return PairedDifference(
        problems=len(deltas),
        score_a=fmean(a.values()),
        score_b=fmean(b.values()),
        difference=fmean(deltas),
        interval=interval,
        p_value=mcnemar_p_value(*changed) if greedy else _sign_flip_p_value(deltas, seed),
        test="mcnemar" if greedy else "permutation",
        gained=gained,
        lost=lost,
    )


def _sign_flip_p_value(differences: Sequence[float], seed: int) -> float:
    """Estimate the two-sided p-value of a mean difference under random signs of the problems' differences.

    (draws at least as extreme + 1) / (draws + 1), never 0 (Phipson and Smyth 2010, arXiv 1603.05766). The signs of all
    problems with the same size of difference are drawn at once, as a binomial count.
    """
    import numpy as np

    sizes, counts = np.unique(np.abs(differences), return_counts=True)
    rng = np.random.default_rng(seed)
    observed = abs(sum(differences)) - TIE
    extreme = sum(abs((2 * rng.binomial(counts, 0.5) - counts) @ sizes) >= observed for _ in range(RESAMPLES))
    return float((extreme + 1) / (RESAMPLES + 1))


def _refuse_unpaired(a: Mapping[str, float], b: Mapping[str, float]) -> None:
    if not a and not b:
        raise ValueError("no problems: accepted is at least one")
    if alone := sorted(a.keys() ^ b.keys()):
        raise ValueError(f"{len(alone)} problems are in only one of the two, such as {', '.join(alone[:3])}")
    for task_id, value in (*a.items(), *b.items()):
        if not isfinite(value):
            raise ValueError(f"{task_id}: found {value}, accepted is a finite number")
