"""Summary of a round: counts of its attempts, and the spread of its records' measures.

In: a round's records, and the measures of those that were drawn. Out: counts and spreads. A measure without a value is
absent, never zero or NaN. Tables: tables.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from wizardcoder.analysis.round_files import RoundRecords
from wizardcoder.core.records import Example

ACCEPTED = "accepted"
NOT_DRAWN = "over_limit"  # seeds beyond seed.limit: listed, but not counted as attempts
NO_CODE = "no code"
VERDICT_REASON = "verdict."  # screen's reason for dropping a record: verdict.<verdict>


@dataclass(frozen=True, slots=True)
class Spread:
    """The spread of `n` values; quartiles are interpolated linearly.

    `margin` is half the width of the mean's 95 % interval (normal approximation); 0 for a single value.
    """

    n: int
    mean: float
    margin: float
    q1: float
    median: float
    q3: float


@dataclass(frozen=True, slots=True)
class MeasuredExample:
    """A drawn record and its measures by name; measures without a value are absent."""

    example: Example
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class RoundSummary:
    """Counts and measures of a round.

    Attributes:
        round: its number.
        outcomes: attempts by (heuristic, outcome); the outcome is `accepted` or the reason of the rejection.
        mix: accepted records by kind (language, verdict, dropped, flag) and name.
        spreads: of the drawn records' measures.
        shares: measures of the round as a whole.
        drawn: number of drawn records.
    """

    round: int
    outcomes: Counter[tuple[str, str]]
    mix: dict[str, Counter[str]]
    spreads: dict[str, Spread]
    shares: dict[str, float]
    drawn: int

    @property
    def accepted(self) -> int:
        """The number of accepted attempts."""
        return self.count_outcomes()[ACCEPTED]

    @property
    def attempted(self) -> int:
        """The number of attempts."""
        return sum(self.count_outcomes().values())

    def count_outcomes(self) -> Counter[str]:
        """Count attempts by outcome, without the seeds that were not drawn."""
        counts: Counter[str] = Counter()
        for (_, outcome), count in self.outcomes.items():
            counts[outcome] += count
        del counts[NOT_DRAWN]
        return counts


def summarize_round(
    records: RoundRecords, measured: Sequence[MeasuredExample], shares: Mapping[str, float]
) -> RoundSummary:
    """Summarize a round from its records, the measured ones, and the measures of the round as a whole."""
    outcomes = Counter((item.heuristic or "", item.reason) for item in records.rejected)
    outcomes.update((example.heuristic or "", ACCEPTED) for example in records.examples)
    names = dict.fromkeys(name for item in measured for name in item.values)
    spreads = {name: compute_spread([m.values[name] for m in measured if name in m.values]) for name in names}
    return RoundSummary(
        round=records.number,
        outcomes=outcomes,
        mix=_count_mix(records),
        spreads={name: spread for name, spread in spreads.items() if spread is not None},
        shares=dict(shares),
        drawn=len(measured),
    )


def compute_spread(values: Sequence[float]) -> Spread | None:
    """Compute the spread of some values; None if there are none."""
    if not values:
        return None
    q1, median, q3 = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    margin = NormalDist().inv_cdf(0.975) * float(np.std(values, ddof=1)) / sqrt(len(values)) if len(values) > 1 else 0.0
    return Spread(len(values), float(np.mean(values)), margin, q1, median, q3)


def sort_counts(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return counts in descending order; equal counts are sorted by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _count_mix(records: RoundRecords) -> dict[str, Counter[str]]:
    screened = records.screened.values()
    verdicts = Counter(example.verdict for example in screened if example.verdict is not None)
    # records that were dropped for their verdict have one too
    reasons = [item.reason for item in records.dropped]
    verdicts.update(reason.removeprefix(VERDICT_REASON) for reason in reasons if reason.startswith(VERDICT_REASON))
    return {
        "language": Counter(example.language or NO_CODE for example in screened),
        "verdict": verdicts,
        "dropped": Counter(reasons),
        "flag": Counter(flag for example in screened for flag in example.flags),
    }
