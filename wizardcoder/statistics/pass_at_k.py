"""pass@k: the unbiased estimate for one problem, and the mean over problems with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from statistics import fmean

from wizardcoder.statistics.intervals import IntervalEstimate, bootstrap_interval, wilson_interval


def pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate the probability that one of k samples passes, for one problem.

    1 - C(n-c, k) / C(n, k), computed as a product to avoid overflow (Chen et al. 2021, arXiv 2107.03374, eq. 1).

    Args:
        n: samples drawn.
        c: samples that passed.
        k: at most n.

    >>> pass_at_k(n=2, c=1, k=1)
    0.5
    """
    if not 1 <= k <= n or not 0 <= c <= n:
        raise ValueError(f"n={n}, c={c}, k={k}: accepted is 1 <= k <= n and 0 <= c <= n")
    if n - c < k:
        return 1.0
    return 1.0 - prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def estimate_pass_at_k(
    counts: Mapping[str, tuple[int, int]], ks: Sequence[int], seed: int
) -> dict[int, IntervalEstimate]:
    """Return pass@k with its interval for every k for which all problems have enough samples; other k are left out.

    The interval is Wilson's for pass@1 with one sample per problem, otherwise a bootstrap over problems.

    Args:
        counts: task_id -> (samples drawn, samples passed).
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
        if k == most == 1:
            interval = wilson_interval(sum(c for _, c in counts.values()), len(counts))
        else:
            interval = bootstrap_interval(estimates, seed)
        table[k] = IntervalEstimate(fmean(estimates), interval)
    return table
