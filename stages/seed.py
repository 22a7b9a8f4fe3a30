"""Stage seed: reads instruction-response pairs and writes round 0.

In: `seed.source`, a local .json, .jsonl or .parquet file, or a .yaml file that names a hub data set and its revision;
Alpaca records, chats, or prompts with completions.
Out: data/rounds/r0 with examples.jsonl, rejected.jsonl and pool.jsonl; metrics/seed.json, for a hub data set with the
commit that was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.params import STRICT, RunParams, load
from wizardcoder.core.records import Example, PoolItem, Rejected, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.evolution.seed_round import select_seeds
from wizardcoder.evolution.seed_source import SeedParams, read_source, source_commit


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads."""

    run: RunParams
    seed: SeedParams


def main() -> None:
    """Read the source, select the seeds, write round 0."""
    params = load(Params)
    with console.closing_line("seed") as close:
        source = Path(params.seed.source)
        rows = read_source(source)
        examples, rejected = run(params, rows)
        folder = paths.round_folder(0)
        write_jsonl(folder / "examples.jsonl", examples)
        write_jsonl(folder / "rejected.jsonl", rejected)
        write_jsonl(folder / "pool.jsonl", (PoolItem(e.id, e.instruction) for e in examples))
        counts = {"read": len(rows), "kept": len(examples), "rejected": len(rejected)}
        reasons = {f"rejected.{reason}": count for reason, count in Counter(item.reason for item in rejected).items()}
        commit = source_commit(source)
        write_metrics(paths.SEED_METRICS, counts | reasons | ({"commit": commit} if commit else {}))
        close(**counts)


def run(params: Params, rows: Iterable[Any]) -> tuple[list[Example], list[Rejected]]:
    """Select the seeds; return the kept and the rejected ones."""
    return select_seeds(rows, params.seed, params.run.seed)


if __name__ == "__main__":
    run_stage(main, __doc__)
