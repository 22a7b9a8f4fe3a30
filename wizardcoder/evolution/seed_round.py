"""Round 0: seeds become examples; empty records, duplicates and those beyond the limit are rejected.

In: rows of a source. Out: kept examples in the order of the source, and rejected ones with reasons. Reading the source:
seed_source.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.core.draws import draw_order
from wizardcoder.core.records import Example, Rejected
from wizardcoder.evolution.seed_forms import ACCEPTED, SeedTexts, read_texts, to_example
from wizardcoder.evolution.seed_source import SeedParams


def select_seeds(rows: Iterable[Any], params: SeedParams, run_seed: int) -> tuple[list[Example], list[Rejected]]:
    """Read each row, reject those without texts and exact duplicates, draw `seed.limit` of the rest.

    An id is a hash of the record's text and the draw depends on ids alone, so reordering the source changes neither.

    Raises:
        StageError: no record is left.
    """
    kept: dict[str, Example] = {}
    rejected: list[Rejected] = []
    for row in rows:
        texts = read_texts(row)
        example = to_example(texts)
        reason, detail = _reject_reason(texts, example, kept)
        if reason is None:
            kept[example.id] = example
        else:
            rejected.append(_reject(example, reason, detail))
    if params.limit is not None and params.limit < len(kept):
        drawn = set(draw_order(kept, run_seed)[: params.limit])
        over = [kept.pop(key) for key in list(kept) if key not in drawn]
        rejected += [_reject(example, "over_limit", f"seed.limit is {params.limit}") for example in over]
    if not kept:
        raise StageError(f"seed.source: {params.source}: no usable record; {ACCEPTED}")
    return list(kept.values()), rejected


def _reject_reason(texts: SeedTexts, example: Example, kept: Mapping[str, Example]) -> tuple[str | None, str]:
    if texts.reason is not None:
        return texts.reason, texts.detail
    if not example.instruction:
        return "instruction_empty", ""
    if not example.response:
        return "response_empty", ""
    if example.id in kept:
        return "duplicate", f"same text as {example.id}"
    return None, ""


def _reject(example: Example, reason: str, detail: str) -> Rejected:
    return Rejected(example.id, None, 0, None, reason, example.instruction, example.response, detail)
