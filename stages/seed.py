"""Stage seed: instruction-response pairs in Alpaca form become round 0.

In: `seed.source`, a local .json, .jsonl or .parquet file, or a .yaml that names a data set of the hub and its
revision. Out: data/rounds/r0 with examples.jsonl, rejected.jsonl and pool.jsonl; metrics/seed.json, of a data set of
the hub with the commit that was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.draws import draw_order
from wizardcoder.core.params import STRICT, RunParams, load
from wizardcoder.core.records import Example, PoolItem, Rejected, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.evolution.alpaca import ACCEPTED_RECORDS, SeedParams, read_source, source_commit, to_example


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    seed: SeedParams


def main() -> None:
    """Read the source, normalise it, write round 0."""
    params = load(Params)
    with console.closing_line("seed") as close:
        source = Path(params.seed.source)
        records = read_source(source)
        examples, rejected = run(params, records)
        write_jsonl(paths.round_folder(0) / "examples.jsonl", examples)
        write_jsonl(paths.round_folder(0) / "rejected.jsonl", rejected)
        write_jsonl(paths.round_folder(0) / "pool.jsonl", (PoolItem(e.id, e.instruction) for e in examples))
        counts = {"read": len(records), "kept": len(examples), "rejected": len(rejected)}
        reasons = {f"rejected.{r}": sum(x.reason == r for x in rejected) for r in sorted({x.reason for x in rejected})}
        commit = source_commit(source)
        write_metrics(paths.SEED_METRICS, counts | reasons | ({"commit": commit} if commit else {}))
        close(**counts)


def run(params: Params, records: Iterable[dict[str, Any]]) -> tuple[list[Example], list[Rejected]]:
    """Join instruction and input, drop what is empty or an exact duplicate, draw `seed.limit`.

    An id is a hash of the record's text, so that it does not change when the source is reordered; the draw ranks
    ids by a hash with the run's seed, so that it does not either. What is kept stays in the source's order.
    """
    kept: dict[str, Example] = {}
    rejected: list[Rejected] = []
    for record in records:
        example = to_example(record)
        reason, detail = _reject_reason(example, kept)
        if reason is None:
            kept[example.id] = example
        else:
            rejected.append(_rejected(example, reason, detail))
    limit = params.seed.limit
    if limit is not None and limit < len(kept):
        drawn = set(draw_order(kept, params.run.seed)[:limit])
        over = [kept.pop(key) for key in list(kept) if key not in drawn]
        rejected += [_rejected(example, "over_limit", f"seed.limit is {limit}") for example in over]
    if not kept:
        raise StageError(f"seed.source: {params.seed.source}: no usable record; {ACCEPTED_RECORDS}")
    return list(kept.values()), rejected


def _reject_reason(example: Example, kept: dict[str, Example]) -> tuple[str | None, str]:
    if not example.instruction:
        return "instruction_empty", ""
    if not example.response:
        return "response_empty", ""
    if example.id in kept:
        return "duplicate", f"same text as {example.id}"
    return None, ""


def _rejected(example: Example, reason: str, detail: str) -> Rejected:
    return Rejected(example.id, None, 0, None, reason, example.instruction, example.response, detail)


if __name__ == "__main__":
    run_stage(main, __doc__)
