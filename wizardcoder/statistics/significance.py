"""How sure a score is, and whether two models differ.

In: counts of passes, or one pass@1 estimate per problem. Out: intervals, p-values and the problems that changed sides.
Samples of one problem are not independent, so the problem is the unit that is resampled. Reading and printing are not
covered.

Whether a difference is significant is said by its p-value alone, everywhere in this project: `p_value < LEVEL`, of a
family of comparisons Holm's. The interval says how large the difference may be. The two come from different methods and
can disagree near the level: of 30 problems 5 lost and none gained have p = 0.0625 and an interval that ends at -0.02.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, sqrt
from statistics import NormalDist, fmean
from typing import Literal

from wizardcoder.statistics.pass_at_k import pass_at_k

CONFIDENCE = 0.95  # the usual level
LEVEL = 0.05  # the usual level; a smaller p-value is called significant
DRAWS = 10_000  # ours: a p of 0.05 is then off by about 0.002 (one standard error)
TIE = 1e-9  # ours: far above rounding, far below 1/(samples of a * samples of b), the step between two different sums


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval, both ends included."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Scored:
    """An estimate with its interval."""

    value: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same problems; `difference`, `interval` and `gained` read as b against a.

    `p_value` is two-sided, of the test that `test` names. `gained` and `lost` are sorted task_ids.
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
        """Say whether this one difference is beyond chance; of a family of them `holm` corrects the p-values first."""
        return self.p_value < LEVEL


def wilson(passed: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Give the Wilson score interval, without continuity correction, of a share of independent passes.

    (Wilson 1927, doi 10.1080/01621459.1927.10502953; Newcombe 1998, method 3.)

    Raises:
        ValueError: n < 1, passed outside 0..n, or confidence outside 0..1.

    >>> wilson(0, 10).low
    0.0
    """
    if not 0 <= passed <= n or n < 1:
        raise ValueError(f"passed={passed}, n={n}: accepted is n >= 1 and 0 <= passed <= n")
    z = NormalDist().inv_cdf(1 - _tail(confidence))
    middle = (passed + z * z / 2) / (n + z * z)
    half = z * sqrt(passed * (n - passed) / n + z * z / 4) / (n + z * z)
    return Interval(0.0 if passed == 0 else middle - half, 1.0 if passed == n else middle + half)


def newcombe(both: int, gained: int, lost: int, neither: int, confidence: float = CONFIDENCE) -> Interval:
    """Give the score interval of a difference of paired shares, (gained - lost) / n: Newcombe's method 10.

    (Newcombe 1998, Improved confidence intervals for the difference between binomial proportions based on paired data,
    Statistics in Medicine 17, 2635-2650.) Wilson's intervals of the two shares are squared and added, less what their
    correlation phi takes off; phi, where positive, with a continuity correction, and 0 where a share is 0 or 1. Where
    nothing changed it has a width, as it must: 0 of 30 in both is -0.11 to 0.11.

    Args:
        both: pairs that pass in both.
        gained: pairs that pass in the second alone.
        lost: pairs that pass in the first alone.
        neither: pairs that pass in neither.
        confidence: above 0 and below 1.

    Raises:
        ValueError: a count below 0, no pairs, or confidence outside 0..1.
    """
    if min(both, gained, lost, neither) < 0:
        raise ValueError(f"found {both}, {gained}, {lost}, {neither}: accepted is 0 or more of each")
    n, before, after = both + gained + lost + neither, both + lost, both + gained
    a, b = wilson(before, n, confidence), wilson(after, n, confidence)
    share_a, share_b = before / n, after / n
    product = both * neither - gained * lost
    spread = sqrt(before * (n - before) * after * (n - after))
    phi = 0.0 if spread == 0 else (max(product - n / 2, 0) if product > 0 else product) / spread
    below = _squared_and_added(share_b - b.low, a.high - share_a, phi)
    above = _squared_and_added(b.high - share_b, share_a - a.low, phi)
    return Interval(share_b - share_a - below, share_b - share_a + above)


def bootstrap(
    per_problem: Sequence[float], seed: int, resamples: int = DRAWS, confidence: float = CONFIDENCE
) -> Interval:
    """Give the percentile bootstrap interval of the mean over problems (Efron and Tibshirani 1993, ch. 13).

    Only how often each distinct value is drawn matters, so those counts are drawn: the same distribution, faster, and
    independent of the problems' order. Surprising: where all problems have one value, the width is zero.

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


def mcnemar(gained: int, lost: int) -> float:
    """Give the p-value of McNemar's test, exact and two-sided: twice the smaller tail of Binomial(gained + lost, 1/2).

    (McNemar 1947, doi 10.1007/BF02295996.) Whole numbers up to the one division, so right for any count; 100,000
    changed problems take about a second.

    Raises:
        ValueError: a count below 0.

    >>> mcnemar(5, 0)
    0.0625
    """
    if min(gained, lost) < 0:
        raise ValueError(f"gained={gained}, lost={lost}: accepted is 0 or more")
    if gained == lost:  # the two tails overlap
        return 1.0
    n = gained + lost
    ways = accumulate(range(min(gained, lost)), lambda way, i: way * (n - i) // (i + 1), initial=1)
    return 2 * sum(ways) / (1 << n)


def paired(a: Mapping[str, float], b: Mapping[str, float], seed: int) -> Comparison:
    """Compare two models by their pass@1 estimates per problem, 0..1 each, keyed by task_id.

    Where every estimate is 0 or 1 (greedy decoding) the p-value is McNemar's and the interval Newcombe's, since a
    bootstrap of few changed problems is too narrow. Else the p-value is that of a sign-flip permutation test on the
    mean difference, and the interval a bootstrap over the problems' differences.

    Raises:
        ValueError: no problems, problems that only one of the two has, or an estimate outside 0..1.
    """
    for task_id, value in (*a.items(), *b.items()):
        if not 0 <= value <= 1:
            raise ValueError(f"{task_id}: found {value}, accepted is 0..1")
    return _compare(a, b, seed, greedy={*a.values(), *b.values()} <= {0, 1})


def paired_means(a: Mapping[str, float], b: Mapping[str, float], seed: int) -> Comparison:
    """Compare two models by any finite measure per problem, such as a negative log-likelihood, keyed by task_id.

    The p-value is that of a sign-flip permutation test on the mean difference; the interval is a bootstrap over the
    problems' differences.

    Raises:
        ValueError: no problems, problems that only one of the two has, or a value that is not finite.
    """
    return _compare(a, b, seed, greedy=False)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of a family of comparisons, in their order (Holm 1979, jstor 4615733).

    The i-th smallest of m is multiplied by m - i + 1 and is at least its predecessor; so the chance of any false
    finding stays below the level, however the comparisons depend on each other.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = least
    return corrected


def pass_at_k_table(counts: Mapping[str, tuple[int, int]], ks: Sequence[int], seed: int) -> dict[int, Scored]:
    """Give pass@k with its interval for every k that all problems have samples enough for; other k are left out.

    The interval is Wilson's for pass@1 of one sample per problem, else a bootstrap over problems.

    Args:
        counts: task_id to (samples drawn, of which passed).
        ks: each at least 1.
        seed: of the bootstrap.

    Raises:
        ValueError: no problems, or a k or counts that pass_at_k refuses.
    """
    if not counts:
        raise ValueError("no problems: accepted is at least one")
    fewest, most = min(n for n, _ in counts.values()), max(n for n, _ in counts.values())
    table = {}
    for k in (k for k in ks if k <= fewest):
        estimates = [pass_at_k(n, c, k) for n, c in counts.values()]
        single = k == most == 1
        interval = wilson(sum(c for _, c in counts.values()), len(counts)) if single else bootstrap(estimates, seed)
        table[k] = Scored(fmean(estimates), interval)
    return table


def _compare(a: Mapping[str, float], b: Mapping[str, float], seed: int, *, greedy: bool) -> Comparison:
    _refuse_unpaired(a, b)
    differences = {task_id: b[task_id] - a[task_id] for task_id in sorted(a)}
    gained = tuple(task_id for task_id, difference in differences.items() if difference > 0)
    lost = tuple(task_id for task_id, difference in differences.items() if difference < 0)
    deltas = list(differences.values())
    both = sum(a[task_id] == b[task_id] == 1 for task_id in differences)
    changed = len(gained), len(lost)
    return Comparison(
        problems=len(deltas),
        score_a=fmean(a.values()),
        score_b=fmean(b.values()),
        difference=fmean(deltas),
        interval=newcombe(both, *changed, len(deltas) - both - sum(changed)) if greedy else bootstrap(deltas, seed),
        p_value=mcnemar(*changed) if greedy else _sign_flip(deltas, seed),
        test="mcnemar" if greedy else "permutation",
        gained=gained,
        lost=lost,
    )


def _tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: accepted is above 0 and below 1")
    return (1 - confidence) / 2


def _squared_and_added(one: float, other: float, phi: float) -> float:
    """Give the half-width of a difference from those of its parts, of which phi is the correlation."""
    return sqrt(max(0.0, one * one - 2 * phi * one * other + other * other))  # rounding may fall below 0


def _sign_flip(differences: Sequence[float], seed: int) -> float:
    """Estimate the two-sided p of a mean difference if each problem's sign were a coin's toss.

    (draws at least as extreme + 1) / (draws + 1), never 0 (Phipson and Smyth 2010, arXiv 1603.05766). Problems with
    one size of difference are tossed together, as a binomial count.
    """
    import numpy as np

    sizes, counts = np.unique(np.abs(differences), return_counts=True)
    rng = np.random.default_rng(seed)
    observed = abs(sum(differences)) - TIE
    extreme = sum(abs((2 * rng.binomial(counts, 0.5) - counts) @ sizes) >= observed for _ in range(DRAWS))
    return float((extreme + 1) / (DRAWS + 1))


def _refuse_unpaired(a: Mapping[str, float], b: Mapping[str, float]) -> None:
    if not a and not b:
        raise ValueError("no problems: accepted is at least one")
    if alone := sorted(a.keys() ^ b.keys()):
        raise ValueError(f"{len(alone)} problems are in only one of the two, such as {', '.join(alone[:3])}")
    for task_id, value in (*a.items(), *b.items()):
        if not isfinite(value):
            raise ValueError(f"{task_id}: found {value}, accepted is a finite number")
