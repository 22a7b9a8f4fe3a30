"""Round 0: seeds become examples; empty records, duplicates and those beyond the limit are rejected.

In: Alpaca records. Out: kept examples in the order of the source, and rejected ones with reasons. Reading the source:
alpaca.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.core.draws import draw_order
from wizardcoder.core.records import Example, Rejected
from wizardcoder.evolution.alpaca import ACCEPTED_RECORDS, SeedParams, to_example


def select_seeds(
    records: Iterable[dict[str, Any]], params: SeedParams, run_seed: int
) -> tuple[list[Example], list[Rejected]]:
    """Join instruction and input, reject empty records and exact duplicates, draw `seed.limit` of the rest.

    An id is a hash of the record's text and the draw depends on ids alone, so reordering the source changes neither.

    Raises:
        StageError: no record is left.
    """
    kept: dict[str, Example] = {}
    rejected: list[Rejected] = []
    for record in records:
        example = to_example(record)
        reason, detail = _reject_reason(example, kept)
        if reason is None:
            kept[example.id] = example
        else:
            rejected.append(_reject(example, reason, detail))
    if params.limit is not None and params.limit < len(kept):
        drawn = set(draw_order(kept, run_seed)[: params.limit])
        over = [kept.pop(key) for key in list(kept) if key not in drawn]
        rejected += [_reject(example, "over_limit", f"seed.limit is {params.limit}") for example in over]
    if not kept:
        raise StageError(f"seed.source: {params.source}: no usable record; {ACCEPTED_RECORDS}")
    return list(kept.values()), rejected


def _reject_reason(example: Example, kept: Mapping[str, Example]) -> tuple[str | None, str]:
    if not example.instruction:
        return "instruction_empty", ""
    if not example.response:
        return "response_empty", ""
    if example.id in kept:
        return "duplicate", f"same text as {example.id}"
    return None, ""


def _reject(example: Example, reason: str, detail: str) -> Rejected:
    return Rejected(example.id, None, 0, None, reason, example.instruction, example.response, detail)
