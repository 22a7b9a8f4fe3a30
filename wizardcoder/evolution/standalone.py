"""Evolve a file of instructions without DVC: one round, from file to file.

In: lines of {"id", "instruction"} and an OpenAI-compatible endpoint. Out: lines of {"id", "instruction", "response",
"heuristic", "parent_id"} in input order; in a work folder the answer store, rejected.jsonl, pool.jsonl and
metrics.json. Prompts and elimination rules are those of params.yaml, without worked examples.
"""

from __future__ import annotations

import dataclasses
import os
from contextlib import ExitStack
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core import console
from wizardcoder.core.params import PARAMS_FILE, STRICT, RunParams, load
from wizardcoder.core.records import Example, replacing, to_line, write_metrics
from wizardcoder.evolution.evolve_round import evolve_round
from wizardcoder.evolution.settings import EvolveParams
from wizardcoder.teacher.settings import TeacherParams

PROJECT_PARAMS = Path(__file__).resolve().parents[2] / PARAMS_FILE
OUTPUT_FIELDS = ("id", "instruction", "response", "heuristic", "parent_id")


@dataclass(frozen=True, slots=True, config=STRICT)
class StandaloneParams:
    """The sections of params.yaml that decide an evolution."""

    run: RunParams
    teacher: TeacherParams
    evolve: EvolveParams


def evolve_file(
    seeds: Path,
    out: Path,
    work: Path,
    *,
    base_url: str,
    model: str,
    concurrency: int = 64,
    max_tokens: int = 2048,
    equal_judge: bool = False,
    params_file: Path = PROJECT_PARAMS,
) -> dict[str, float]:
    """Evolve one round of instructions and return its counts; a second call asks only for what `work` lacks.

    Args:
        seeds: lines of {"id", "instruction"}.
        out: the accepted records, in the order of `seeds`; written when the round has ended.
        work: the folder of the answer store, rejected.jsonl, pool.jsonl and metrics.json.
        base_url: of an OpenAI-compatible endpoint. `runtime.teacher.api_key_env` names the environment variable with
            its key; an unset variable means that the endpoint checks no key.
        model: the model that evolves and answers.
        concurrency: requests in flight at most.
        max_tokens: of an instruction and of a response, in tokens.
        equal_judge: also ask the model whether an evolution adds anything (`evolve.elimination.equal_judge`).
        params_file: the prompts, rules and sampling.

    Raises:
        StageError: a file cannot be read or written, or the endpoint is down or refuses the key; all answers are kept.
    """
    params = _with_endpoint(
        load(StandaloneParams, params_file),
        base_url=base_url,
        model=model,
        concurrency=concurrency,
        max_tokens=max_tokens,
        equal_judge=equal_judge,
    )
    os.environ.setdefault(params.teacher.runtime.api_key_env, "none")
    places = {"examples": out, "rejected": work / "rejected.jsonl", "pool": work / "pool.jsonl"}
    with ExitStack() as stack:
        files = {name: stack.enter_context(replacing(place)) for name, place in places.items()}
        metrics = console.run_async(evolve_round(params, 1, seeds, files, cache=work, line_of=_output_line))
    write_metrics(work / "metrics.json", metrics)
    return metrics


def _with_endpoint(
    params: StandaloneParams, *, base_url: str, model: str, concurrency: int, max_tokens: int, equal_judge: bool
) -> StandaloneParams:
    """Replace the teacher of params.yaml; drop its worked examples, which are for the embedded default."""
    roles = {
        role: dataclasses.replace(getattr(params.teacher, role), base_url=None, name=None, model=None)
        for role in ("instruct", "respond", "judge")
    }
    for role in ("instruct", "respond"):
        roles[role] = dataclasses.replace(roles[role], max_tokens=max_tokens)
    runtime = dataclasses.replace(params.teacher.runtime, concurrency=concurrency, role_api_key_env={})
    teacher = dataclasses.replace(params.teacher, base_url=base_url, name=None, model=model, runtime=runtime, **roles)
    elimination = dataclasses.replace(params.evolve.elimination, equal_judge=equal_judge)
    evolve = dataclasses.replace(params.evolve, elimination=elimination, few_shot=[])
    return StandaloneParams(params.run, teacher, evolve)


def _output_line(example: Example) -> str:
    return to_line({name: getattr(example, name) for name in OUTPUT_FIELDS})
