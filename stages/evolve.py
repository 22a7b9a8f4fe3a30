"""Stages evolve_r1 to evolve_r4: one round of Code Evol-Instruct.

In: the pool of the round before. Out: data/rounds/rN with examples.jsonl (accepted in this round), rejected.jsonl
(every other attempt, with its reason) and pool.jsonl (each lineage's latest accepted instruction, from which the next
round starts); metrics/evolve_rN.json. A round that is switched off asks nothing and hands its pool on.

Also `--estimate`, which is wizardcoder/cli/estimate.py, and `--standalone`, one round from file to file without DVC.
Records stream: memory does not grow with the input.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import IO, Any, NoReturn

from pydantic.dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, STRICT, RunParams, load
from wizardcoder.core.records import (
    Example,
    PoolItem,
    Rejected,
    count_lines,
    read_jsonl,
    replacing,
    to_line,
    write_metrics,
)
from wizardcoder.evolution.evolve_one import EvolveParams, check, evolve_one, in_order
from wizardcoder.teacher.teacher import TeacherParams, Usage, open_teacher

ROUNDS = Path("data/rounds")
PROJECT = Path(__file__).resolve().parents[1]
# Records in work at once, per request in flight: answers come back out of order and wait for their turn, and a record
# that waits to be sent again must not hold the others up.
WINDOW_PER_SLOT = 8
WINDOW_LEAST = 1024
WINDOW_BATCH = 50_000


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    teacher: TeacherParams
    evolve: EvolveParams


def main() -> None:
    """Evolve one round, or tell what the teacher will be asked and cost."""
    options = _parser().parse_args()
    if options.cache_dir:
        os.environ["WC_CACHE_DIR"] = str(options.cache_dir)
    if options.standalone:
        _standalone(options)
        return
    if options.estimate:
        _estimate(options.tokenizer)
    params = load(Params)
    check(params)
    _round(params, options.round)


async def run(
    params: Params, number: int, source: Path, files: Mapping[str, IO[str]], line_of: Callable[[Example], str] = to_line
) -> dict[str, float]:
    """Evolve the pool in `source` into the open files `examples`, `rejected` and `pool`; returns the counts."""
    total = count_lines(source)
    counts: Counter[str] = Counter(attempted=total, accepted=0, rejected=0)
    async with open_teacher(params.teacher, cache_dir()) as teacher:
        with console.track(f"evolve_r{number}", total) as bar:

            async def evolve(item: PoolItem) -> Example | Rejected:
                return await evolve_one(params, number, item, teacher)

            window = max(WINDOW_LEAST, WINDOW_PER_SLOT * params.teacher.concurrency)
            if params.teacher.mode == "batch":
                window = WINDOW_BATCH
            pool = read_jsonl(source, PoolItem)
            async with aclosing(in_order(pool, evolve, window, teacher.stop)) as outcomes:
                async for item, outcome in outcomes:
                    if isinstance(outcome, Example):
                        files["examples"].write(line_of(outcome))
                        files["pool"].write(to_line(PoolItem(outcome.id, outcome.instruction)))
                    else:
                        files["rejected"].write(to_line(outcome))
                        files["pool"].write(to_line(item))
                    counts.update(_counted(outcome))
                    bar.advance(note=_note(counts["accepted"], bar.done + 1, total, teacher.usage, params))
        return dict(counts) | {
            "requests": teacher.usage.requests,
            "cache_hits": teacher.usage.cache_hits,
            "prompt_tokens": teacher.usage.prompt_tokens,
            "completion_tokens": teacher.usage.completion_tokens,
            "cost": teacher.usage.cost,
            "paid": teacher.usage.paid,
        }


def _round(params: Params, number: int) -> None:
    source, out = ROUNDS / f"r{number - 1}" / "pool.jsonl", ROUNDS / f"r{number}"
    started = time.monotonic()
    with console.closing_line(f"evolve_r{number}") as close:
        metrics: dict[str, float] = {"enabled": int(params.evolve.enabled[f"r{number}"])}
        with ExitStack() as stack:
            names = ("examples", "rejected", "pool")
            files = {name: stack.enter_context(replacing(out / f"{name}.jsonl")) for name in names}
            if metrics["enabled"]:
                metrics |= console.run_async(run(params, number, source, files))
            else:
                files["pool"].writelines(to_line(item) for item in read_jsonl(source, PoolItem))
        seconds = round(time.monotonic() - started, 1)
        write_metrics(Path(f"metrics/evolve_r{number}.json"), {**metrics, "seconds": seconds})
        close(**_told(metrics))


def _estimate(tokenizer: Path | None) -> NoReturn:
    """Become the command that tells what all stages will ask: it reads what no round depends on."""
    more = ["--tokenizer", str(tokenizer)] if tokenizer else []
    os.execv(sys.executable, [sys.executable, "-m", "wizardcoder.cli.estimate", *more])  # noqa: S606 - nothing of it comes from a file


def _standalone(options: argparse.Namespace) -> None:
    """Evolve one round from {"id", "instruction"} lines; the answer store and the rejected lie in --work."""
    missing = [name for name in ("base_url", "model", "seeds", "out", "work") if getattr(options, name) is None]
    if missing:
        raise StageError(f"--standalone needs --{missing[0].replace('_', '-')}")
    os.environ["WC_CACHE_DIR"] = str(options.work)
    params = _standalone_params(load(Params, PROJECT / PARAMS_FILE), options)
    os.environ.setdefault(params.teacher.api_key_env, "none")
    with console.closing_line("evolve") as close:
        with ExitStack() as stack:
            places = {
                "examples": options.out,
                "rejected": options.work / "rejected.jsonl",
                "pool": options.work / "pool.jsonl",
            }
            files = {name: stack.enter_context(replacing(place)) for name, place in places.items()}
            metrics = console.run_async(run(params, 1, options.seeds, files, _standalone_line))
        write_metrics(options.work / "metrics.json", metrics)
        close(**_told(metrics))


def _standalone_params(params: Params, options: argparse.Namespace) -> Params:
    """Take prompts and rules from params.yaml, the teacher from the command line; no worked examples."""
    limits = {
        role: dataclasses.replace(getattr(params.teacher, role), base_url=None, model=None, api_key_env=None)
        for role in ("instruct", "respond", "judge")
    }
    for role in ("instruct", "respond"):
        limits[role] = dataclasses.replace(limits[role], max_tokens=options.max_tokens)
    teacher = dataclasses.replace(
        params.teacher, base_url=options.base_url, model=options.model, concurrency=options.concurrency, **limits
    )
    elimination = dataclasses.replace(params.evolve.elimination, equal_judge=options.judge)
    evolve = dataclasses.replace(params.evolve, elimination=elimination, few_shot=[])
    return Params(params.run, teacher, evolve)


def _standalone_line(example: Example) -> str:
    fields = ("id", "instruction", "response", "heuristic", "parent_id")
    return to_line({name: getattr(example, name) for name in fields})


def _counted(outcome: Example | Rejected) -> list[str]:
    heuristic = f"heuristic.{outcome.heuristic}"
    if isinstance(outcome, Example):
        return ["accepted", f"{heuristic}.accepted"]
    return ["rejected", f"rejected.{outcome.reason}", f"{heuristic}.rejected.{outcome.reason}"]


def _note(accepted: int, done: int, total: int, usage: Usage, params: Params) -> str:
    tokens = usage.prompt_tokens + usage.completion_tokens
    note = f"{accepted} accepted, {tokens:,} tokens"
    if params.teacher.price.input or params.teacher.price.output:
        note += f", paid {usage.paid:.2f} of about {usage.paid * total / done:.2f}"
    return note


def _told(metrics: Mapping[str, float]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if "." not in name and name != "enabled"}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.evolve", description="Evolve one round.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--round", type=int, choices=range(1, 5), help="the stage: evolve this round's pool")
    what.add_argument(
        "--estimate", action="store_true", help="print requests, tokens and cost of all stages; sends nothing"
    )
    what.add_argument("--standalone", action="store_true", help="one round from file to file, without DVC")
    parser.add_argument(
        "--tokenizer", type=Path, help="estimate: a model's tokenizer.json, used until counts are known"
    )
    parser.add_argument("--cache-dir", type=Path, help="the folder of the answer store (also: WC_CACHE_DIR)")
    alone = parser.add_argument_group("standalone")
    alone.add_argument("--base-url", help="of an OpenAI-compatible endpoint")
    alone.add_argument("--model")
    alone.add_argument("--seeds", type=Path, help='lines of {"id", "instruction"}')
    alone.add_argument(
        "--out", type=Path, help="lines of id, instruction, response, heuristic, parent_id, in input order"
    )
    alone.add_argument("--work", type=Path, help="the folder of the answer store, rejected.jsonl, metrics.json")
    alone.add_argument("--concurrency", type=_at_least_one, default=64, help="requests in flight")
    alone.add_argument("--max-tokens", type=_at_least_one, default=2048, help="of an answer")
    alone.add_argument("--judge", action="store_true", help="ask the teacher whether an evolution says anything new")
    return parser


def _at_least_one(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, accepted: 1 or more")
    return int(text)


if __name__ == "__main__":
    console.entry(main)
