"""Estimate what the teacher and other endpoints will be asked, and what that costs, before anything is sent.

In: params.yaml, the seeds, the answer stores, the benchmarks that are available offline. Out: requests, tokens and
money of each round that is on, of screen, analyze and decontaminate where params.yaml lets a teacher judge, and of the
models in `evaluate.endpoints`. Sends nothing and needs no key. Does not estimate hours:
wizardcoder/experiments/rerun_plan.py reads those from metrics.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.analysis.settings import AnalyzeParams
from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import paths
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.params import PARAMS_FILE, STRICT, RunParams, Text, load
from wizardcoder.core.records import Example, PoolItem
from wizardcoder.core.store import FILE_NAME, AnswerStore
from wizardcoder.core.templates import fill
from wizardcoder.decontamination.settings import DecontaminateParams
from wizardcoder.estimates.cost_estimate import CostEstimate, EstimateRow
from wizardcoder.estimates.judgements import (
    RoundSize,
    estimate_decontamination,
    estimate_rating,
    estimate_screening,
    round_sizes,
)
from wizardcoder.estimates.offline import offline
from wizardcoder.estimates.rounds import Estimator
from wizardcoder.estimates.scoring import estimate_scoring
from wizardcoder.estimates.seeds import read_seeds
from wizardcoder.evaluation.held_out import read_held_out
from wizardcoder.evaluation.settings import GENERATIONS, EvaluateParams, make_sampler
from wizardcoder.evaluation.settings import check as check_evaluation
from wizardcoder.evolution.seed_source import SeedParams
from wizardcoder.evolution.settings import EvolveParams, check_evolve_params
from wizardcoder.generation.endpoint_sampler import EndpointSampler
from wizardcoder.merging.settings import MergeParams
from wizardcoder.scoring import availability
from wizardcoder.screening import safety
from wizardcoder.screening.settings import ScreenParams
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.settings import TeacherParams
from wizardcoder.training.settings import TrainParams


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that decide what is asked."""

    run: RunParams
    seed: SeedParams
    teacher: TeacherParams
    evolve: EvolveParams
    screen: ScreenParams
    merge: MergeParams
    benchmarks: dict[str, Text | None]
    decontaminate: DecontaminateParams
    analyze: AnalyzeParams
    train: TrainParams
    evaluate: EvaluateParams


def estimate_costs(
    params_file: Path = PARAMS_FILE,
    tokenizer: Path | None = None,
    *,
    seeds: Path | None = None,
    price: Price | None = None,
) -> CostEstimate:
    """Estimate a run with these params from the seeds and the answers in this folder.

    Args:
        params_file: the file to read instead of params.yaml.
        tokenizer: a model's tokenizer.json, which counts tokens until the store holds an endpoint's own counts.
        seeds: all records of this file instead of `seed.source` and `seed.limit`.
        price: instead of `runtime.teacher.price`.

    Raises:
        StageError: the params or the seeds are missing or wrong.
    """
    params = _replaced(load(Params, params_file), seeds, price)
    check_evolve_params(params)
    check_evaluation(params.evaluate, params.decontaminate.benchmarks)
    with offline(), AnswerStore(cache_dir() / FILE_NAME) as store:
        examples = read_seeds(params.run, params.seed)
        estimator = Estimator(params, store, tokenizer)
        asyncio.run(estimator.follow(PoolItem(example.id, example.instruction) for example in examples))
        rows = [EstimateRow(f"evolve_r{n}", f"r{n}", estimate) for n, estimate in estimator.rounds.items()]
        rows += [*_judging_rows(params, estimator, examples), *_scoring_rows(params, estimator, examples)]
        notes = [f"{len(examples):,} seeds of {params.seed.source}", *_notes(params, estimator)]
        return CostEstimate(rows, notes, params.teacher.runtime.price, params.teacher.runtime.budget, store.spent())


def describe_run_cost() -> str:
    """Return what the run in this folder will cost, and the budget to set, as one sentence."""
    try:
        return f"{estimate_costs().describe()} in params.yaml"
    except StageError as exc:
        return f"No estimate: {exc}. Set `runtime: teacher: budget:` in params.yaml"


def _replaced(params: Params, seeds: Path | None, price: Price | None) -> Params:
    if seeds is not None:
        params = replace(params, seed=SeedParams(str(seeds), None))
    if price is not None:
        runtime = replace(params.teacher.runtime, price=price)
        params = replace(params, teacher=replace(params.teacher, runtime=runtime))
    return params


def _judging_rows(params: Params, estimator: Estimator, seeds: Sequence[Example]) -> Iterator[EstimateRow]:
    """Yield a row for each stage after the rounds that asks the teacher; answers in the store are not deducted."""
    safe, analyze, own = params.screen.safety, params.analyze, params.decontaminate
    if (safe.judge, analyze.difficulty, own.judge) == ("rule", "off", "rule"):
        return
    sizes = round_sizes(estimator, seeds)
    if safe.judge != "rule":
        found = estimate_screening(estimator, sizes, safe.prompt, safety.ATTEMPTS)
        yield EstimateRow("screen", "screen", found, known_deducted=False)
    if analyze.difficulty == "teacher":
        sample = min(analyze.sample, analyze.difficulty_sample)
        found = estimate_rating(estimator, sizes, analyze.difficulty_prompt, sample, analyze.difficulty_attempts)
        yield EstimateRow("analyze", "analyze", found, known_deducted=False)
    if own.judge != "rule":
        merged = {number: size for number, size in sizes.items() if number in params.merge.rounds}
        for name in own.benchmarks:
            yield _decontamination_row(params, estimator, merged, name)


def _scoring_rows(params: Params, estimator: Estimator, seeds: Sequence[Example]) -> Iterator[EstimateRow]:
    """Yield a row for each model in `evaluate.endpoints` and benchmark."""
    evaluate = params.evaluate
    if not evaluate.endpoints:
        return
    benchmarks = {name: _scored_problems(params, name, first) for name, first in evaluate.wanted().items()}
    held_out = [fill(params.train.prompt, instruction=text) for text in _held_out(evaluate.held_out, seeds)]
    counted: set[str] = set()
    with AnswerStore(cache_dir() / GENERATIONS) as store:
        for label in evaluate.endpoints:
            sampler = make_sampler(label, evaluate, params.run.seed, store)
            assert isinstance(sampler, EndpointSampler), "check() refuses a label of the local models"
            price = evaluate.runtime.prices.get(label, Price(input=0.0, output=0.0))
            ask = partial(estimate_scoring, sampler, count=estimator.count, price=price, counted=counted)
            for name, problems in benchmarks.items():
                row = f"evaluate: {label}: {name}"
                if isinstance(problems, str):
                    yield EstimateRow("evaluate", row, None, problems)
                    continue
                prompts = [protocol.build_question(p, evaluate.prompt, params.train.prompt) for p in problems]
                yield EstimateRow("evaluate", row, ask(prompts, evaluate.samples))
            yield EstimateRow("evaluate", f"evaluate: {label}: held out", ask(held_out, 1))


def _held_out(most: int, seeds: Sequence[Example]) -> list[str]:
    """Return the instructions held out from training, or as many seeds where nothing was trained yet."""
    found = read_held_out(most) if paths.TRAIN_OUTCOMES.is_file() else seeds[:most]
    return [example.instruction for example in found]


def _decontamination_row(params: Params, estimator: Estimator, merged: dict[int, RoundSize], name: str) -> EstimateRow:
    own = params.decontaminate
    label = f"decontaminate: {name}"
    problems = _problems(params, name)
    if isinstance(problems, str):
        return EstimateRow("decontaminate", label, None, problems, known_deducted=False)
    found = estimate_decontamination(
        estimator, merged, problems, prompt=own.prompt, top_k=own.top_k, attempts=own.attempts
    )
    return EstimateRow("decontaminate", label, found, known_deducted=False)


def _problems(params: Params, name: str, first: int | None = None) -> list[Problem] | str:
    """Return the problems of a benchmark, or the reason why it cannot be loaded offline."""
    try:
        return load_benchmark(name, params.benchmarks.get(name), first)
    except StageError as exc:
        return str(exc)


def _scored_problems(params: Params, name: str, first: int | None) -> list[Problem] | str:
    """Return the problems of a benchmark that this machine can score, or the reason why it can score none."""
    if (reason := availability.missing_requirement(name, params.evaluate.allow_unsafe)) is not None:
        return reason
    problems = _problems(params, name, first)
    if isinstance(problems, str):
        return problems
    runnable, left_out = availability.split_runnable({problem.task_id: problem for problem in problems})
    return list(runnable.values()) or next(iter(left_out.values()))


def _notes(params: Params, estimator: Estimator) -> Iterator[str]:
    yield f"tokens counted by {estimator.counted_by}; every unknown evolution counted as accepted"
    asked = {
        "screen": (params.screen.safety.judge != "rule", safety.ATTEMPTS),
        "analyze": (params.analyze.difficulty != "off", params.analyze.difficulty_attempts),
        "decontaminate": (params.decontaminate.judge != "rule", params.decontaminate.attempts),
    }
    again = [f"{name} {attempts}" for name, (on, attempts) in asked.items() if on]
    if again:
        yield (
            "judgements: each asked once, stored answers not deducted; `at most` counts all attempts "
            f"({', '.join(again)})"
        )
    for label in params.evaluate.endpoints:
        price = params.evaluate.runtime.prices.get(label)
        known = (
            f"price {price.input:g} / {price.output:g}"
            if price
            else "no price in runtime.evaluate.prices, counted as free"
        )
        yield f"evaluate: {label}: {known}"
    if params.decontaminate.judge == "both":
        yield "decontaminate: fewer, because the rule decides copies and pairs below min_doubt"
    if params.decontaminate.judge == "teacher":
        yield "decontaminate: more where there are copies beyond top_k, or all of a problem's top_k match"
