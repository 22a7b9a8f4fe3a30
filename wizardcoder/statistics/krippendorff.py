"""Agreement between raters: Krippendorff's alpha for nominal values.

Preferred to Cohen's and Fleiss' kappa because it allows any number of raters and missing values: raters seldom finish a
set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping


def compute_krippendorff_alpha(values: Mapping[str, Mapping[str, str]]) -> float | None:
    """Compute alpha = 1 - observed / expected disagreement; 1 is perfect agreement, 0 is chance.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section C (nominal data, any number of
    observers, missing data).

    Args:
        values: rater -> unit -> value.

    Returns:
        None if no unit has two values or all values are equal, so that nothing could have differed.

    >>> compute_krippendorff_alpha({"ann": {"x": "a", "y": "b"}, "bob": {"x": "a", "y": "b"}})
    1.0
    """
    units: dict[str, Counter[str]] = {}
    for of_rater in values.values():
        for unit, value in of_rater.items():
            units.setdefault(unit, Counter())[value] += 1
    paired = [counts for counts in units.values() if counts.total() > 1]
    totals = sum(paired, Counter[str]())
    n = totals.total()
    expected = _different(totals) / (n - 1) if n else 0.0
    if not expected:
        return None
    observed = sum(_different(counts) / (counts.total() - 1) for counts in paired)
    return 1 - observed / expected


def _different(counts: Counter[str]) -> int:
    """Count the ordered pairs of values that differ."""
    return counts.total() ** 2 - sum(count**2 for count in counts.values())
