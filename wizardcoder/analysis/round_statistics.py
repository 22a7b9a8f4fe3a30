"""A round's account: what was kept, of what kind it is, and how its measures spread.

In: a round's records and the measures of those that were drawn. Out: counts and spreads; as rows of tables and as flat
metrics. What has no value is absent, never zero or NaN.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from wizardcoder.analysis.round_files import Round
from wizardcoder.core.records import Example

ACCEPTED = "accepted"
NOT_DRAWN = "over_limit"  # seeds beyond seed.limit: counted, but no attempt
NO_CODE = "no code"
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Spread:
    """How `n` values spread; quartiles are interpolated linearly.

    `margin` is half the width of the mean's 95 % interval (normal approximation); 0 of a single value.
    """

    n: int
    mean: float
    margin: float
    q1: float
    median: float
    q3: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A record that was drawn, and its measures by name; a measure that it has not is absent."""

    example: Example
    values: dict[str, float]


@dataclass(frozen=True, slots=True)
class Account:
    """What a round did.

    `outcomes` counts attempts by (heuristic, outcome), the outcome being `accepted` or the reason of the rejection;
    `mix` counts the accepted by kind (language, verdict, dropped, flag) and name; `spreads` has the measures of the
    records drawn; `shares` what is known of the round as a whole.
    """

    round: int
    outcomes: Counter[tuple[str, str]]
    mix: dict[str, Counter[str]]
    spreads: dict[str, Spread]
    shares: dict[str, float]
    drawn: int

    @property
    def accepted(self) -> int:
        """How many were accepted."""
        return self.outcome_counts()[ACCEPTED]

    @property
    def attempted(self) -> int:
        """How many were tried."""
        return sum(self.outcome_counts().values())

    def outcome_counts(self) -> Counter[str]:
        """Count attempts by outcome, seeds that were not drawn left out."""
        counts: Counter[str] = Counter()
        for (_, outcome), count in self.outcomes.items():
            counts[outcome] += count
        del counts[NOT_DRAWN]
        return counts


def spread_of(values: Sequence[float]) -> Spread | None:
    """Give the spread of some values; None of none."""
    if not values:
        return None
    q1, median, q3 = (float(q) for q in np.quantile(values, [0.25, 0.5, 0.75]))
    margin = NormalDist().inv_cdf(0.975) * float(np.std(values, ddof=1)) / sqrt(len(values)) if len(values) > 1 else 0.0
    return Spread(len(values), float(np.mean(values)), margin, q1, median, q3)


def account_of(of: Round, measured: Sequence[Measured], shares: Mapping[str, float]) -> Account:
    """Put a round's account together."""
    outcomes = Counter((item.heuristic or "", item.reason) for item in of.rejected)
    outcomes.update((example.heuristic or "", ACCEPTED) for example in of.examples)
    names = dict.fromkeys(name for item in measured for name in item.values)
    spreads = {name: spread_of([m.values[name] for m in measured if name in m.values]) for name in names}
    return Account(
        round=of.number,
        outcomes=outcomes,
        mix=_mix(of),
        spreads={name: spread for name, spread in spreads.items() if spread is not None},
        shares=dict(shares),
        drawn=len(measured),
    )


def flat_metrics(accounts: Iterable[Account]) -> dict[str, int | float]:
    """Give counts, shares and the mean of each measure, by round: `r1.accepted`, `r1.cyclomatic`."""
    metrics: dict[str, int | float] = {}
    total = 0
    for account in accounts:
        total += account.accepted
        own: dict[str, int | float] = {
            "attempted": account.attempted,
            "accepted": account.accepted,
            "rejected": account.attempted - account.accepted,
            "total": total,
            "drawn": account.drawn,
        }
        if account.attempted:
            own["acceptance"] = account.accepted / account.attempted
        own |= {name: spread.mean for name, spread in account.spreads.items()} | account.shares
        metrics |= {f"r{account.round}.{name}": value for name, value in own.items()}
    return metrics


def outcome_rows(accounts: Iterable[Account]) -> Iterator[Row]:
    """Give every count of attempts, seeds that were not drawn included."""
    for account in accounts:
        for (heuristic, outcome), count in sorted(account.outcomes.items()):
            yield {"round": account.round, "heuristic": heuristic, "outcome": outcome, "count": count}


def mix_rows(accounts: Iterable[Account]) -> Iterator[Row]:
    """Give every count of the accepted, the most frequent first."""
    for account in accounts:
        for kind, counts in account.mix.items():
            for name, count in ranked(counts):
                yield {"round": account.round, "kind": kind, "name": name, "count": count}


def measure_rows(accounts: Iterable[Account]) -> Iterator[Row]:
    """Give every measure's spread."""
    for account in accounts:
        for name, s in sorted(account.spreads.items()):
            spread = {"n": s.n, "mean": s.mean, "margin": s.margin, "q1": s.q1, "median": s.median, "q3": s.q3}
            yield {"round": account.round, "measure": name, **rounded(spread)}


def record_rows(measured: Iterable[Measured]) -> Iterator[Row]:
    """Give the measures of each record that was drawn."""
    for item in measured:
        example = item.example
        yield {"id": example.id, "round": example.round, "heuristic": example.heuristic, **rounded(item.values)}


def ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Give counts from the greatest down, equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def rounded(values: Mapping[str, float]) -> dict[str, object]:
    """Give values at six significant digits, as metrics have them."""
    return {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in values.items()}


def _mix(of: Round) -> dict[str, Counter[str]]:
    screened = of.screened.values()
    verdicts = Counter(example.verdict for example in screened if example.verdict is not None)
    # what was dropped for its verdict had one as well
    verdicts.update(d.reason.removeprefix("verdict.") for d in of.dropped if d.reason.startswith("verdict."))
    return {
        "language": Counter(example.language or NO_CODE for example in screened),
        "verdict": verdicts,
        "dropped": Counter(item.reason for item in of.dropped),
        "flag": Counter(flag for example in screened for flag in example.flags),
    }
