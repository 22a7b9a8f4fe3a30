"""What raters preferred: wins, ties, the win rate with its interval, a sign test, and how far the raters agree.

In: files of votes and the page on which they were cast. Out: a table on the screen.
Does not collect votes: that is the page and `wizardcoder serve`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from wizardcoder.core import console, paths
from wizardcoder.report.votes.comparison import BlindComparison, Choice, read_comparison, read_votes
from wizardcoder.statistics.intervals import Interval, wilson_interval
from wizardcoder.statistics.krippendorff import compute_krippendorff_alpha
from wizardcoder.statistics.paired_tests import mcnemar_p_value


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of votes; `rate` is b's share of the votes that prefer a model, `p_value` the sign test's."""

    wins: int
    losses: int
    ties: int
    both_bad: int
    rate: float | None
    interval: Interval | None
    p_value: float


def show_votes(paths: Sequence[Path], page: Path = paths.COMPARE_PAGE) -> None:
    """Print the preferences of each rater and of all together: the command `wizardcoder votes`.

    Args:
        paths: files of votes, as the page saves them.
        page: the page on which the votes were cast.

    Raises:
        StageError: the page is not a comparison, or a line is not a vote on it.
    """
    comparison = read_comparison(page)
    votes = read_votes(paths, comparison)
    console.show(_votes_table(comparison, votes))
    b = comparison.b
    rated = {item for own in votes.values() for item in own}
    console.say(
        f"{len(rated)} of {len(comparison.items)} items rated. Win rate: {b}'s share of the votes that prefer a model, "
        "with Wilson's interval. p: exact two-sided sign test on these votes."
    )
    if len(votes) > 1:
        alpha = compute_krippendorff_alpha(votes)
        agreement = "undefined (no item with two votes, or all votes equal)" if alpha is None else f"{alpha:.3f}"
        console.say(f"By item: the majority of its raters, else a tie. Agreement, Krippendorff's alpha: {agreement}")


def tally_votes(choices: Iterable[Choice]) -> Tally:
    """Count choices; ties and both bad do not enter the win rate and the sign test.

    >>> tally_votes(["b", "b", "tie"]).rate
    1.0
    """
    counts = Counter(choices)
    wins, losses = counts["b"], counts["a"]
    decided = wins + losses
    return Tally(
        wins=wins,
        losses=losses,
        ties=counts["tie"],
        both_bad=counts["both_bad"],
        rate=wins / decided if decided else None,
        interval=wilson_interval(wins, decided) if decided else None,
        p_value=mcnemar_p_value(wins, losses),  # exact McNemar is the sign test on the votes that differ
    )


def by_item(votes: Mapping[str, Mapping[str, Choice]]) -> dict[str, Choice]:
    """Return for each item the choice of most raters, a tie if no choice leads."""
    counts: dict[str, Counter[Choice]] = {}
    for own in votes.values():
        for item, choice in own.items():
            counts.setdefault(item, Counter())[choice] += 1
    return {item: _majority(choices) for item, choices in counts.items()}


def _majority(counts: Counter[Choice]) -> Choice:
    (first, most), *others = counts.most_common(2)
    return "tie" if others and others[0][1] == most else first


def _votes_table(comparison: BlindComparison, votes: Mapping[str, Mapping[str, Choice]]) -> Table:
    a, b = comparison.a, comparison.b
    head = ("rater", "votes", f"{b} wins", f"{a} wins", "ties", "both bad", f"win rate of {b}", "95 % interval", "p")
    table = Table(*head)
    for rater, own in sorted(votes.items()):
        table.add_row(rater, *_cells(tally_votes(own.values())))
    if len(votes) > 1:
        table.add_row("by item", *_cells(tally_votes(by_item(votes).values())))
    return table


def _cells(counted: Tally) -> tuple[str, ...]:
    votes = counted.wins + counted.losses + counted.ties + counted.both_bad
    counts = (votes, counted.wins, counted.losses, counted.ties, counted.both_bad)
    rate = "-" if counted.rate is None else f"{counted.rate:.3f}"
    interval = "-" if counted.interval is None else f"{counted.interval.low:.3f} to {counted.interval.high:.3f}"
    return (*map(str, counts), rate, interval, f"{counted.p_value:.4g}")
