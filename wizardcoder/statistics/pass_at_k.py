"""pass@k, unbiased.

In: counts of samples and of passes per problem. Out: the estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod


def pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate the probability that one of k samples passes, for one problem.

    1 - C(n-c, k) / C(n, k), as a product so that nothing overflows (Chen et al. 2021, arXiv 2107.03374, eq. 1).

    Args:
        n: samples drawn.
        c: of which passed.
        k: at most n.

    >>> pass_at_k(n=2, c=1, k=1)
    0.5
    """
    if not 1 <= k <= n or not 0 <= c <= n:
        raise ValueError(f"n={n}, c={c}, k={k}: accepted is 1 <= k <= n and 0 <= c <= n")
    if n - c < k:
        return 1.0
    return 1.0 - prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def mean_pass_at_1(passed: Sequence[bool]) -> float:
    """Give pass@1 over problems with one sample each."""
    return sum(passed) / len(passed)
