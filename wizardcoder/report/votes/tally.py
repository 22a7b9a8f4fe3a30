"""What raters preferred: wins, ties, the win rate with its interval, a sign test, and how far the raters agree.

In: files of votes and the page on which they were cast. Out: a table on the screen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from wizardcoder.core import console
from wizardcoder.report.votes.comparison import PAGE, Choice, read_comparison, read_votes
from wizardcoder.statistics.krippendorff import krippendorff_alpha
from wizardcoder.statistics.significance import Interval, mcnemar, wilson


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes for b, for a, for neither; `rate` is b's share of the votes that prefer one, `p_value` the sign test's."""

    wins: int
    losses: int
    ties: int
    both_bad: int
    rate: float | None
    interval: Interval | None
    p_value: float


def show_votes(paths: Sequence[Path], page: Path = Path(PAGE)) -> None:
    """Print the preferences of each rater and of all together: the command `wizardcoder votes`.

    Args:
        paths: files of votes, as the page of comparison saves them.
        page: the page on which the votes were cast.

    Raises:
        StageError: a file is invalid, or holds votes on another comparison.
    """
    comparison = read_comparison(page)
    votes = read_votes(paths, comparison)
    console.show(_table(votes, comparison.a, comparison.b))
    rated = {item for own in votes.values() for item in own}
    console.say(
        f"{len(rated)} of {len(comparison.items)} items rated. Win rate: {comparison.b}'s share of the votes that "
        "prefer one, with Wilson's interval; p: sign test on them, exact and two-sided."
    )
    if len(votes) > 1:
        alpha = krippendorff_alpha(votes)
        agreement = "undefined: no item has two votes, or all votes are equal" if alpha is None else f"{alpha:.3f}"
        console.say(f"By item: what most of its raters chose, else a tie. Agreement, Krippendorff's alpha: {agreement}")


def tally(choices: Iterable[Choice]) -> Tally:
    """Count choices; ties and both bad take no part in the win rate and the sign test.

    >>> tally(["b", "b", "tie"]).rate
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
        interval=wilson(wins, decided) if decided else None,
        p_value=mcnemar(wins, losses),  # exact McNemar is the sign test on those that differ
    )


def by_item(votes: Mapping[str, Mapping[str, Choice]]) -> dict[str, Choice]:
    """Give for each item the choice that more raters made than any other, a tie where there is none."""
    counts: dict[str, Counter[Choice]] = {}
    for own in votes.values():
        for item, choice in own.items():
            counts.setdefault(item, Counter())[choice] += 1
    return {item: _most(of_one) for item, of_one in counts.items()}


def _most(counts: Counter[Choice]) -> Choice:
    (first, most), *others = counts.most_common(2)
    return "tie" if others and others[0][1] == most else first


def _cells(found: Tally) -> tuple[str, ...]:
    votes = found.wins + found.losses + found.ties + found.both_bad
    counts = (votes, found.wins, found.losses, found.ties, found.both_bad)
    rate = "-" if found.rate is None else f"{found.rate:.3f}"
    interval = "-" if found.interval is None else f"{found.interval.low:.3f} to {found.interval.high:.3f}"
    return (*map(str, counts), rate, interval, f"{found.p_value:.4g}")


def _table(votes: Mapping[str, Mapping[str, Choice]], a: str, b: str) -> Table:
    head = ("rater", "votes", f"{b} wins", f"{a} wins", "ties", "both bad", f"win rate of {b}", "95 % interval", "p")
    table = Table(*head)
    for rater, own in sorted(votes.items()):
        table.add_row(rater, *_cells(tally(own.values())))
    if len(votes) > 1:
        table.add_row("by item", *_cells(tally(by_item(votes).values())))
    return table
