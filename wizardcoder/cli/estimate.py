"""What the teacher and other endpoints will be asked, and what that costs, before anything is sent.

In: params.yaml, round 0, the answer stores, the benchmarks that are at hand. Out: a table of requests, tokens and
money: of each round that is on, of screen, analyze and decontaminate where params.yaml lets a teacher judge, and of the
models in `evaluate.endpoints`. Sends nothing and needs no key. Not a stage: nothing depends on it.

    python -m wizardcoder.cli.estimate        also: python -m stages.evolve --estimate
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeVar

from pydantic.dataclasses import dataclass
from rich.table import Table

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, PART, STRICT, AtLeastOne, RunParams, Text, load
from wizardcoder.core.records import Example, PoolItem, read_jsonl
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.core.templates import fill
from wizardcoder.estimates.judgements import Size, comparing, rating, screening, sizes_of
from wizardcoder.estimates.rounds import Estimate, Estimator
from wizardcoder.estimates.scoring import scoring
from wizardcoder.evaluation.held_out import read_held_out
from wizardcoder.evaluation.settings import GENERATIONS, EvaluateParams, make_sampler
from wizardcoder.evaluation.settings import check as check_evaluation
from wizardcoder.evolution.evolve_one import EvolveParams, check
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.scoring import availability
from wizardcoder.screening import safety
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.teacher import TeacherParams
from wizardcoder.training.fates import FATES

T = TypeVar("T")
SEEDS = Path("data/rounds/r0")
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, config=PART)
class Safety:
    """Of `screen.safety` what decides who is asked."""

    judge: Literal["rule", "teacher", "both"]
    prompt: Text


@dataclass(frozen=True, slots=True, config=PART)
class Screen:
    """Of the `screen` section what may ask."""

    safety: Safety


@dataclass(frozen=True, slots=True, config=PART)
class Merge:
    """Of the `merge` section which rounds are held against the benchmarks."""

    rounds: list[int]


@dataclass(frozen=True, slots=True, config=PART)
class Decontaminate:
    """Of the `decontaminate` section what is asked, and how often."""

    benchmarks: list[Text]
    top_k: AtLeastOne
    judge: Literal["rule", "teacher", "both"]
    attempts: AtLeastOne
    prompt: Text


@dataclass(frozen=True, slots=True, config=PART)
class Analyze:
    """Of the `analyze` section what is asked, and how often."""

    sample: AtLeastOne
    difficulty: Literal["off", "teacher"]
    difficulty_sample: AtLeastOne
    difficulty_attempts: AtLeastOne
    difficulty_prompt: Text


@dataclass(frozen=True, slots=True, config=PART)
class TrainPrompt:
    """Of the `train` section only the frame in which models are asked."""

    prompt: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this command reads of params.yaml."""

    run: RunParams
    teacher: TeacherParams
    evolve: EvolveParams
    screen: Screen
    merge: Merge
    benchmarks: dict[str, Text | None]
    decontaminate: Decontaminate
    analyze: Analyze
    train: TrainPrompt
    evaluate: EvaluateParams


def main() -> None:
    """Print what each round and stage will ask and cost."""
    options = _parser().parse_args()
    if options.cache_dir:
        os.environ["WC_CACHE_DIR"] = str(options.cache_dir)
    # of the hub only what was downloaded before: an estimate sends nothing
    os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
    params = load(Params, options.params)
    check(params)
    check_evaluation(params.evaluate, params.decontaminate.benchmarks)
    with AnswerStore(cache_dir() / FILE_NAME) as store:
        estimator = Estimator(params, store, options.tokenizer)
        asyncio.run(estimator.follow(_seeds("pool", PoolItem)))
        spent = store.spent()
    table, unknown = _table(params, estimator)
    console.show(table)
    for line in (*unknown, *_notes(params, estimator)):
        console.say(line)
    price, budget = params.teacher.price, params.teacher.budget
    console.say(
        f"teacher: price {price.input:g} / {price.output:g} per million tokens; "
        f"spent so far {spent:.4f}, budget {budget}"
    )


def judgements(params: Params, estimator: Estimator) -> Iterator[tuple[str, Estimate | str]]:
    """Yield what each stage after the rounds will ask; of a benchmark that is not at hand why it is not."""
    safe, analyze, own = params.screen.safety, params.analyze, params.decontaminate
    if (safe.judge, analyze.difficulty, own.judge) == ("rule", "off", "rule"):
        return
    sizes = sizes_of(estimator, list(_seeds("examples", Example)))
    if safe.judge != "rule":
        yield "screen", screening(estimator, sizes, safe.prompt, safety.ATTEMPTS)
    if analyze.difficulty == "teacher":
        sample = min(analyze.sample, analyze.difficulty_sample)
        yield "analyze", rating(estimator, sizes, analyze.difficulty_prompt, sample, analyze.difficulty_attempts)
    if own.judge != "rule":
        merged = {number: size for number, size in sizes.items() if number in params.merge.rounds}
        for name in own.benchmarks:
            yield f"decontaminate: {name}", _compared(params, estimator, merged, name)


def scored(params: Params, estimator: Estimator) -> Iterator[tuple[str, Estimate | str]]:
    """Yield what each model in `evaluate.endpoints` will be asked, as `judgements`."""
    evaluate = params.evaluate
    if not evaluate.endpoints:
        return
    benchmarks = {name: _scored_problems(params, name, first) for name, first in evaluate.wanted().items()}
    counted: set[str] = set()
    with AnswerStore(cache_dir() / GENERATIONS) as store:
        for label in evaluate.endpoints:
            sampler = make_sampler(label, evaluate, params.run.seed, store)
            assert isinstance(sampler, EndpointSampler), "check() refuses a label of the local models"
            price = evaluate.prices.get(label, Price(input=0.0, output=0.0))
            for name, problems in benchmarks.items():
                if isinstance(problems, str):
                    yield f"evaluate: {label}: {name}", problems
                    continue
                prompts = [protocol.asked(p, evaluate.prompt, params.train.prompt) for p in problems]
                found = scoring(sampler, prompts, evaluate.samples, count=estimator.count, price=price, counted=counted)
                yield f"evaluate: {label}: {name}", found
            held_out = [fill(params.train.prompt, instruction=text) for text in _held_out(evaluate.held_out)]
            found = scoring(sampler, held_out, 1, count=estimator.count, price=price, counted=counted)
            yield f"evaluate: {label}: held out", found


def _held_out(most: int) -> list[str]:
    """Give the instructions held out from training; seeds in their place where nothing was trained yet."""
    found = read_held_out(most) if FATES.is_file() else list(_seeds("examples", Example))[:most]
    return [example.instruction for example in found]


def _table(params: Params, estimator: Estimator) -> tuple[Table, list[str]]:
    """Give a row for each round, judging stage and endpoint with their sum, and a line for each that is not in it."""
    table = Table("stage", "known", "requests", "prompt tokens", "answer tokens", "cost", "at most")
    total, unknown = Estimate(), []
    rounds = [(f"r{number}", estimate) for number, estimate in estimator.rounds.items()]
    asked = [(rounds, True), (judgements(params, estimator), False), (scored(params, estimator), True)]
    for rows, deducted in asked:
        for name, found in rows:
            if isinstance(found, str):
                table.add_row(name, "-", UNKNOWN)
                unknown.append(f"{name}: {UNKNOWN}, not in the sum: not at hand: {found}")
            else:
                table.add_row(name, f"{found.cached:,}" if deducted else "-", *_cells(found))
                total = total.plus(found)
    table.add_row("all", f"{total.cached:,}", *_cells(total))
    return table, unknown


def _compared(params: Params, estimator: Estimator, merged: dict[int, Size], name: str) -> Estimate | str:
    own = params.decontaminate
    problems = _problems(params, name)
    if isinstance(problems, str):
        return problems
    return comparing(estimator, merged, problems, prompt=own.prompt, top_k=own.top_k, attempts=own.attempts)


def _problems(params: Params, name: str, first: int | None = None) -> list[Problem] | str:
    """Give the problems of a benchmark, or why it is not at hand."""
    try:
        return load_benchmark(name, params.benchmarks.get(name), first)
    except StageError as exc:
        return str(exc)


def _scored_problems(params: Params, name: str, first: int | None) -> list[Problem] | str:
    """Give the problems of a benchmark that can be scored on this machine, or why none can."""
    if (reason := availability.absent_tools(name, params.evaluate.allow_unsafe)) is not None:
        return reason
    problems = _problems(params, name, first)
    if isinstance(problems, str):
        return problems
    runnable, left_out = availability.split_runnable({problem.task_id: problem for problem in problems})
    return list(runnable.values()) or next(iter(left_out.values()))


def _seeds(name: str, kind: type[T]) -> Iterator[T]:
    path = SEEDS / f"{name}.jsonl"
    if not path.is_file():
        raise StageError(f"{path}: no such file; `dvc repro seed` makes it")
    return read_jsonl(path, kind)


def _notes(params: Params, estimator: Estimator) -> Iterator[str]:
    yield f"tokens counted by {estimator.counted_by}; every unknown evolution taken as accepted"
    asked = {
        "screen": (params.screen.safety.judge != "rule", safety.ATTEMPTS),
        "analyze": (params.analyze.difficulty != "off", params.analyze.difficulty_attempts),
        "decontaminate": (params.decontaminate.judge != "rule", params.decontaminate.attempts),
    }
    again = [f"{name} {attempts}" for name, (on, attempts) in asked.items() if on]
    if again:
        yield (
            f"judgements: each asked once, what is known not deducted; `at most` with all attempts ({', '.join(again)})"
        )
    for label in params.evaluate.endpoints:
        price = params.evaluate.prices.get(label)
        told = (
            "no price in evaluate.prices, taken as free"
            if price is None
            else f"price {price.input:g} / {price.output:g}"
        )
        yield f"evaluate: {label}: {told}"
    if params.decontaminate.judge == "both":
        yield "decontaminate: fewer, as the rule settles copies and what is less alike than min_doubt"
    if params.decontaminate.judge == "teacher":
        yield "decontaminate: more where copies lie beyond top_k, or all of a problem's top_k match"


def _cells(estimate: Estimate) -> tuple[str, ...]:
    return (
        f"{estimate.requests:,}",
        f"{estimate.prompt_tokens:,.0f}",
        f"{estimate.completion_tokens:,.0f}",
        f"{estimate.cost:.4f}",
        f"{estimate.most:.4f}",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.cli.estimate",
        description="Tell what the teacher will be asked and cost; sends nothing.",
    )
    parser.add_argument("--tokenizer", type=Path, help="a model's tokenizer.json, used until counts are known")
    parser.add_argument("--cache-dir", type=Path, help="the folder of the answer store (also: WC_CACHE_DIR)")
    parser.add_argument("--params", type=Path, default=PARAMS_FILE, help="another file in place of params.yaml")
    return parser


if __name__ == "__main__":
    console.entry(main)
