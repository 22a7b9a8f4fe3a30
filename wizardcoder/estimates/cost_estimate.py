"""The estimate of a run as data: a row for each round, stage and model, and their sum.

Made by estimate.py, printed by table.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from wizardcoder.core.money import format_cost
from wizardcoder.estimates.rounds import Estimate
from wizardcoder.teacher.budget import Price, suggest_budget


@dataclass(frozen=True, slots=True)
class EstimateRow:
    """What one round, stage or model will ask; `estimate` is None where `unknown` is the reason.

    `stage` is the DVC stage that asks. `known_deducted` is True where answers in the store are not counted again.
    """

    stage: str
    label: str
    estimate: Estimate | None
    unknown: str | None = None
    known_deducted: bool = True


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """The estimate of a whole run: its rows, remarks on how they were counted, and the money spent so far."""

    rows: list[EstimateRow]
    notes: list[str]
    price: Price
    budget: float | None
    spent: float

    def total(self, stage: str | None = None) -> Estimate:
        """Return the sum of all rows that are known, or of one stage's."""
        known = [row.estimate for row in self.rows if row.estimate and stage in (None, row.stage)]
        return reduce(Estimate.plus, known, Estimate())

    def describe(self, setting: str = "runtime: teacher: budget:") -> str:
        """Return the teacher's cost, and the budget that covers it, as a sentence that ends with the setting."""
        own = [row.estimate for row in self.rows if row.estimate and row.stage != "evaluate"]
        total = reduce(Estimate.plus, own, Estimate())
        return (
            f"The estimate is {format_cost(total.cost)} for {total.requests:,} requests, at most "
            f"{format_cost(total.most)}: set `{setting} {suggest_budget(self.spent + total.most)}`"
        )
