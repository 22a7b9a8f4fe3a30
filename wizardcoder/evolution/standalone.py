"""Evolve a file of instructions without DVC: from file to file.

In: instructions in any form that a seed may have, and an OpenAI-compatible endpoint. Out: lines of {"id",
"instruction", "response", "heuristic", "parent_id"}, round after round, each in input order; in a work folder the
answer store, rejected.jsonl, pool.jsonl and metrics.json. Prompts and elimination rules are those of params.yaml,
without worked examples.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from pydantic.dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, STRICT, RunParams, load
from wizardcoder.core.records import Example, PoolItem, replacing, to_line, write_metrics
from wizardcoder.evolution.evolve_round import evolve_round
from wizardcoder.evolution.instruction_file import next_round, read_instructions
from wizardcoder.evolution.settings import EvolveParams
from wizardcoder.teacher.addresses import VARIABLE_ACCEPTED, accepted_url, is_variable
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.settings import TeacherParams

PROJECT_PARAMS = Path(__file__).resolve().parents[2] / PARAMS_FILE
OUTPUT_FIELDS = ("id", "instruction", "response", "heuristic", "parent_id")
PER_ROUND = ("attempted", "accepted", "rejected")


@dataclass(frozen=True, slots=True, config=STRICT)
class StandaloneParams:
    """The sections of params.yaml that decide an evolution."""

    run: RunParams
    teacher: TeacherParams
    evolve: EvolveParams


def standalone_params(
    base_url: str,
    model: str,
    *,
    concurrency: int = 64,
    max_tokens: int = 2048,
    equal_judge: bool = False,
    api_key_env: str | None = None,
    price: Price | None = None,
    budget: float | None = None,
    params_file: Path = PROJECT_PARAMS,
) -> StandaloneParams:
    """Return the params of a file with the teacher replaced; its worked examples are for the embedded default.

    Args:
        base_url: of an OpenAI-compatible endpoint.
        model: the model that evolves and answers.
        concurrency: requests in flight at most.
        max_tokens: of an instruction and of a response, in tokens.
        equal_judge: also ask the model whether an evolution adds anything (`evolve.elimination.equal_judge`).
        api_key_env: the environment variable with the key; None: `runtime.teacher.api_key_env`. An unset variable means
            that the endpoint checks no key.
        price: per million tokens; None: `runtime.teacher.price`.
        budget: limit of all money that the work folder's answers cost; None: `runtime.teacher.budget`.
        params_file: the prompts, rules and sampling.

    Raises:
        StageError: the params, the URL or the name of the variable are wrong.
    """
    if (accepted := accepted_url(base_url)) is not None:
        raise StageError(f"teacher.base_url: found {base_url!r}, accepted: {accepted}")
    if api_key_env is not None and not is_variable(api_key_env):
        raise StageError(f"runtime.teacher.api_key_env: {VARIABLE_ACCEPTED}")
    params = load(StandaloneParams, params_file)
    own = params.teacher.runtime
    runtime = dataclasses.replace(
        own,
        concurrency=concurrency,
        api_key_env=api_key_env or own.api_key_env,
        role_api_key_env={},
        price=price or own.price,
        budget=own.budget if budget is None else budget,
    )
    roles = {
        role: dataclasses.replace(getattr(params.teacher, role), base_url=None, name=None, model=None)
        for role in ("instruct", "respond", "judge")
    }
    for role in ("instruct", "respond"):
        roles[role] = dataclasses.replace(roles[role], max_tokens=max_tokens)
    teacher = dataclasses.replace(params.teacher, base_url=base_url, name=None, model=model, runtime=runtime, **roles)
    elimination = dataclasses.replace(params.evolve.elimination, equal_judge=equal_judge)
    evolve = dataclasses.replace(params.evolve, elimination=elimination, few_shot=[])
    return StandaloneParams(params.run, teacher, evolve)


def evolve_file(
    params: StandaloneParams,
    seeds: Path,
    out: Path,
    work: Path,
    *,
    rounds: int = 1,
    fields: Mapping[str, str] | None = None,
    describe_cost: Callable[[], str] = lambda: "Set a budget",
) -> dict[str, float]:
    """Evolve instructions and return the counts; a second call asks only for what `work` lacks.

    Args:
        params: from `standalone_params`.
        seeds: the instructions, as `read_instructions` reads them. Ids of earlier rounds are continued: `s7-r1` is
            evolved in round 2.
        out: the accepted records of each round, in the order of `seeds`; written when the last round has ended.
        work: the folder of the answer store, rejected.jsonl, pool.jsonl (each lineage's latest accepted instruction)
            and metrics.json.
        rounds: how many.
        fields: our names of fields -> those of `seeds`.
        describe_cost: says what this will cost, for the error of a teacher that has a price but no budget.

    Raises:
        StageError: a file cannot be read or written, an id occurs twice, or the endpoint is down or refuses the key;
            all answers are kept.
    """
    if out.resolve() == seeds.resolve():
        raise StageError(f"--out: {out} is also --seeds, accepted: another file")
    os.environ.setdefault(params.teacher.runtime.api_key_env, "none")
    places = {"examples": out, "rejected": work / "rejected.jsonl", "pool": work / "pool.jsonl"}
    with ExitStack() as stack:
        files = {name: stack.enter_context(replacing(place)) for name, place in places.items()}
        source = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "pool.jsonl"
        metrics, first = _read_seeds(seeds, fields or {}, source, files["rejected"])
        for number in range(first, first + rounds):
            with replacing(source) as pool:
                counts = console.run_async(
                    evolve_round(
                        params,
                        number,
                        source,
                        files | {"pool": pool},
                        cache=work,
                        line_of=_output_line,
                        describe_cost=describe_cost,
                    )
                )
            own = {f"{name}.r{number}": counts[name] for name in PER_ROUND} if rounds > 1 else {}
            metrics |= {name: metrics.get(name, 0) + value for name, value in counts.items()} | own
        with source.open(encoding="utf-8") as pool:
            shutil.copyfileobj(pool, files["pool"])
    write_metrics(work / "metrics.json", metrics)
    return metrics


def _read_seeds(seeds: Path, fields: Mapping[str, str], pool: Path, rejected: IO[str]) -> tuple[dict[str, float], int]:
    """Write the first pool and the records that cannot be evolved; return their counts and the first round's number."""
    counts: Counter[str] = Counter(seeds=0, seeds_rejected=0)
    first = 1
    with replacing(pool) as file:
        for record in read_instructions(seeds, fields):
            if isinstance(record, PoolItem):
                file.write(to_line(record))
                first = max(first, next_round([record.id]))
                counts["seeds"] += 1
            else:
                rejected.write(to_line(record))
                counts.update(("seeds_rejected", f"seeds_rejected.{record.reason}"))
    return dict(counts), first


def _output_line(example: Example) -> str:
    return to_line({name: getattr(example, name) for name in OUTPUT_FIELDS})
