"""Print an estimate.

In: an estimate. Out: a table on the terminal with a row for each round, stage and model and their sum, then a line for
each row that is unknown and for each remark.
"""

from __future__ import annotations

from rich.table import Table

from wizardcoder.core import console
from wizardcoder.core.money import format_cost
from wizardcoder.estimates.cost_estimate import CostEstimate
from wizardcoder.estimates.rounds import Estimate

UNKNOWN = "unknown"


def print_estimate(found: CostEstimate) -> None:
    """Print the table and its remarks."""
    console.show(estimate_table(found))
    for row in found.rows:
        if row.unknown is not None:
            console.say(f"{row.label}: {UNKNOWN}, not in the sum: not available: {row.unknown}")
    for line in found.notes:
        console.say(line)
    console.say(
        f"teacher: price {found.price.input:g} / {found.price.output:g} per million tokens; "
        f"spent so far {format_cost(found.spent)}, budget {'none' if found.budget is None else f'{found.budget:g}'}"
    )


def estimate_table(found: CostEstimate) -> Table:
    """Return a row for each round, stage and model, and their sum."""
    table = Table("stage", "known", "requests", "prompt tokens", "answer tokens", "cost", "at most")
    for row in found.rows:
        if row.estimate is None:
            table.add_row(row.label, "-", UNKNOWN)
        else:
            known = f"{row.estimate.cached:,}" if row.known_deducted else "-"
            table.add_row(row.label, known, *_cells(row.estimate))
    total = found.total()
    table.add_row("all", f"{total.cached:,}", *_cells(total))
    return table


def _cells(estimate: Estimate) -> tuple[str, ...]:
    return (
        f"{estimate.requests:,}",
        f"{estimate.prompt_tokens:,.0f}",
        f"{estimate.completion_tokens:,.0f}",
        format_cost(estimate.cost),
        format_cost(estimate.most),
    )
