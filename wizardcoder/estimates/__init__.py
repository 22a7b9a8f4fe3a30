"""Estimate requests, tokens and money of a run before anything is sent.

Covers the rounds, the stages where a teacher may judge, and models behind endpoints. Needs no key and no network. Does
not estimate training: wizardcoder/training/planning does.
"""

from typing import TYPE_CHECKING

from wizardcoder.core.lazy import lazy_exports

if TYPE_CHECKING:
    from wizardcoder.estimates.cost_estimate import CostEstimate as CostEstimate
    from wizardcoder.estimates.cost_estimate import EstimateRow as EstimateRow
    from wizardcoder.estimates.estimate import estimate_costs as estimate_costs
    from wizardcoder.estimates.rounds import Estimate as Estimate
    from wizardcoder.estimates.table import print_estimate as print_estimate

__getattr__, __all__ = lazy_exports(
    __name__,
    {
        "CostEstimate": "cost_estimate",
        "Estimate": "rounds",
        "EstimateRow": "cost_estimate",
        "estimate_costs": "estimate",
        "print_estimate": "table",
    },
)
