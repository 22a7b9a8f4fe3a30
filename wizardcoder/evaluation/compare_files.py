"""Compare two result files problem by problem: the command `wizardcoder compare`.

In: two files as `wizardcoder score` writes them. Out: both scores, their difference with interval and p-value, and the
problems gained and lost. Only results of the same problems can be compared.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.evaluation.results import compare_counts, counts_of
from wizardcoder.evaluation.sample_files import read_passed
from wizardcoder.statistics.paired_tests import PairedDifference

SEED = 0  # of the bootstrap
TEST_NAMES = {"mcnemar": "exact McNemar test", "permutation": "permutation test"}


@dataclass(frozen=True, slots=True)
class FileComparison:
    """The pass@1 of two result files; `paired.difference` is that of `b` minus that of `a`."""

    a: Path
    b: Path
    paired: PairedDifference

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {"a": str(self.a), "b": str(self.b)} | asdict(self.paired)


def compare_files(a: Path, b: Path) -> FileComparison:
    """Compare two result files.

    Raises:
        StageError: a file is invalid, or the two have results of different problems.
    """
    first, second = [
        counts_of((task_id, ok) for task_id, passed in read_passed(path).items() for ok in passed) for path in (a, b)
    ]
    try:
        return FileComparison(a, b, compare_counts(first, second, SEED))
    except ValueError as exc:
        raise StageError(f"{a} and {b}: {exc}; accepted: results of the same problems") from exc


def show_comparison(found: FileComparison) -> None:
    """Print a comparison as a table with its explanation."""
    paired = found.paired
    table = Table("", "results", "pass@1")
    table.add_row("A", str(found.a), f"{paired.score_a:.4f}")
    table.add_row("B", str(found.b), f"{paired.score_b:.4f}")
    console.show(table)
    console.say(
        f"difference (B - A) {paired.difference:+.4f}, 95 % interval {paired.interval.low:+.4f} to "
        f"{paired.interval.high:+.4f}, p = {paired.p_value:.4g} ({TEST_NAMES[paired.test]}), {paired.problems} problems"
    )
    changed = (("gained (only B passes)", paired.gained), ("lost (only A passes)", paired.lost))
    for label, task_ids in changed:
        console.say(f"{label} {len(task_ids)}: {', '.join(task_ids) or '-'}")


def print_comparison_json(found: FileComparison) -> None:
    """Print a comparison as one JSON object on standard output."""
    print(json.dumps(found.as_json(), indent=2))  # noqa: T201
