"""Stages evolve_r1 to evolve_r4: one round of Code Evol-Instruct.

In: the pool of the round before. Out: data/rounds/rN with examples.jsonl (accepted in this round), rejected.jsonl
(every other attempt, with its reason) and pool.jsonl (each lineage's latest accepted instruction, from which the next
round starts); metrics/evolve_rN.json. A round that is switched off asks nothing and passes its pool on.
"""

from __future__ import annotations

import time
from contextlib import ExitStack

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.params import STRICT, RunParams, load
from wizardcoder.core.records import PoolItem, read_records, replacing, to_line, write_metrics
from wizardcoder.core.stage_cli import stage_parser
from wizardcoder.evolution.evolve_round import FILES, evolve_round, headline
from wizardcoder.evolution.settings import EvolveParams, check_evolve_params
from wizardcoder.teacher.settings import TeacherParams


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that this stage reads."""

    run: RunParams
    teacher: TeacherParams
    evolve: EvolveParams


def main() -> None:
    """Evolve one round."""
    parser = stage_parser(__doc__, "evolve")
    parser.add_argument("--round", type=int, choices=paths.EVOLVED_ROUNDS, required=True, help="the round to evolve")
    number = parser.parse_args().round
    params = load(Params)
    check_evolve_params(params)
    started = time.monotonic()
    with console.closing_line(f"evolve_r{number}") as close:
        metrics = run(params, number)
        seconds = round(time.monotonic() - started, 1)
        write_metrics(paths.evolve_metrics(number), {**metrics, "seconds": seconds})
        close(**headline(metrics))


def run(params: Params, number: int) -> dict[str, float]:
    """Evolve round `number`, write its folder and return its counts."""
    source, out = paths.round_folder(number - 1) / "pool.jsonl", paths.round_folder(number)
    metrics: dict[str, float] = {"enabled": int(params.evolve.enabled[f"r{number}"])}
    with ExitStack() as stack:
        files = {name: stack.enter_context(replacing(out / f"{name}.jsonl")) for name in FILES}
        if metrics["enabled"]:
            return metrics | console.run_async(evolve_round(params, number, source, files, cache=cache_dir()))
        files["pool"].writelines(to_line(item) for item in read_records(source, PoolItem))
    return metrics


if __name__ == "__main__":
    console.entry(main)
