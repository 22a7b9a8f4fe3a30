"""Estimate what evolving a file with `wizardcoder evolve` will ask and cost, before anything is sent.

In: the file, the params of the command, its work folder. Out: an estimate with a row for each round.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path

from wizardcoder.core.records import PoolItem
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.estimates.cost_estimate import CostEstimate, EstimateRow
from wizardcoder.estimates.rounds import Estimator
from wizardcoder.evolution.instruction_file import next_round, read_instructions
from wizardcoder.evolution.standalone import StandaloneParams


def estimate_file(
    params: StandaloneParams, seeds: Path, work: Path | None, *, rounds: int, fields: Mapping[str, str]
) -> CostEstimate:
    """Estimate `rounds` rounds of a file; answers in the folder `work`, which need not exist, are subtracted.

    Raises:
        StageError: the file cannot be read.
    """
    items = [record for record in read_instructions(seeds, fields) if isinstance(record, PoolItem)]
    first = next_round(item.id for item in items)
    with tempfile.TemporaryDirectory() as empty:
        folder = work if work is not None and (work / FILE_NAME).is_file() else Path(empty)
        with AnswerStore(folder / FILE_NAME) as store:
            estimator = Estimator(params, store, numbers=range(first, first + rounds))
            asyncio.run(estimator.follow(items))
            spent = store.spent()
    rows = [EstimateRow(f"evolve_r{n}", f"r{n}", estimate) for n, estimate in estimator.rounds.items()]
    notes = [
        f"{len(items):,} instructions of {seeds}",
        f"tokens counted by {estimator.counted_by}; every unknown evolution counted as accepted",
    ]
    return CostEstimate(rows, notes, params.teacher.runtime.price, params.teacher.runtime.budget, spent)
