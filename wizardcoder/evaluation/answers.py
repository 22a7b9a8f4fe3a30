"""Ask the models: an answer to each benchmark problem and to each instruction held out from training.

Each answer is kept in the answer store as soon as it exists, so a second run asks only for what is missing. Also
measures the likelihood of each canonical solution, because a small model's pass@1 is near zero. Does not run code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import Track
from wizardcoder.core.records import Example
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.core.templates import fill
from wizardcoder.evaluation.available import load_available
from wizardcoder.evaluation.held_out import HeldOutAnswer, read_held_out
from wizardcoder.evaluation.settings import GENERATIONS, Params, make_sampler
from wizardcoder.generation.local_model import negative_log_likelihood
from wizardcoder.generation.sampler import LocalSampler, Sampler, shard

Benchmarks = Mapping[str, Sequence[Problem]]


@dataclass(frozen=True, slots=True)
class BenchmarkAnswers:
    """A model's answers to a benchmark, [problem][sample].

    `nlls` has for each problem the mean negative log-likelihood per token of its canonical solution, in nats; None
    where it has none, or where the model is behind an endpoint. `settings` describes the generation.
    """

    texts: list[list[str]]
    nlls: list[float | None]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelAnswers:
    """All answers of one model: to the instructions held out from training, and by benchmark."""

    held_out: list[HeldOutAnswer]
    benchmarks: dict[str, BenchmarkAnswers]


def ask_models(params: Params, benchmarks: Benchmarks, held_out: Sequence[Example]) -> dict[str, ModelAnswers]:
    """Return the answers of each model, by its label."""
    found: dict[str, ModelAnswers] = {}
    total = _count_answers(params, benchmarks, held_out)
    with AnswerStore(cache_dir() / GENERATIONS) as store, console.track("generate", total) as bar:
        for label in params.evaluate.labels():
            with contextlib.closing(make_sampler(label, params.evaluate, params.run.seed, store)) as sampler:
                found[label] = ModelAnswers(
                    _ask_about_held_out(sampler, params, held_out, bar),
                    {
                        name: _ask_about_problems(sampler, params, problems, store, bar)
                        for name, problems in benchmarks.items()
                    },
                )
    return found


def generate(params: Params) -> None:
    """Fill the answer store with what the stage evaluate needs, and write nothing else.

    Under torchrun or accelerate launch, each process fills its own share.
    """
    benchmarks = load_available(params).problems
    held_out = read_held_out(params.evaluate.held_out)
    problems = [problem for of_one in benchmarks.values() for problem in of_one]
    prompts = [benchmark_prompt(problem, params) for problem in problems]
    rank, world_size = shard()
    total = _count_answers(params, benchmarks, held_out)
    with console.closing_line("generate") as close:
        with AnswerStore(cache_dir() / GENERATIONS) as store, console.track("generate", total) as bar:
            for label in params.evaluate.labels():
                with contextlib.closing(make_sampler(label, params.evaluate, params.run.seed, store)) as sampler:
                    sampler.fill(_held_out_prompts(held_out, params), bar, 1)
                    sampler.fill(prompts, bar)
                    measure_likelihoods(sampler, prompts[rank::world_size], problems[rank::world_size], store)
        close(answers=total, process=f"{rank + 1} of {world_size}")


def measure_likelihoods(
    sampler: Sampler, prompts: Sequence[str], problems: Sequence[Problem], store: AnswerStore
) -> list[float | None]:
    """Return the mean negative log-likelihood per token of each canonical solution, in nats.

    The solution follows the prompt where the extraction rule expects it in an answer. None for every problem where the
    model is not a local one.
    """
    if not isinstance(sampler, LocalSampler):
        return [None] * len(prompts)
    return [
        _likelihood(sampler, f"{prompt}```python\n{problem.prefix}", problem.canonical_solution, store)
        if problem.canonical_solution
        else None
        for prompt, problem in zip(prompts, problems, strict=True)
    ]


def benchmark_prompt(problem: Problem, params: Params) -> str:
    """Return the text that a model is asked for a problem."""
    return protocol.build_question(problem, params.evaluate.prompt, params.train.prompt)


def _ask_about_held_out(
    sampler: Sampler, params: Params, examples: Sequence[Example], bar: Track
) -> list[HeldOutAnswer]:
    answers = sampler.answers(_held_out_prompts(examples, params), bar, 1)
    return [HeldOutAnswer(e.id, e.instruction, texts[0]) for e, texts in zip(examples, answers, strict=True)]


def _ask_about_problems(
    sampler: Sampler, params: Params, problems: Sequence[Problem], store: AnswerStore, bar: Track
) -> BenchmarkAnswers:
    prompts = [benchmark_prompt(problem, params) for problem in problems]
    texts = sampler.answers(prompts, bar)
    nlls = measure_likelihoods(sampler, prompts, problems, store)
    return BenchmarkAnswers(texts, nlls, sampler.settings() | _protocol(params))


def _likelihood(sampler: LocalSampler, context: str, solution: str, store: AnswerStore) -> float:
    key = Key.of(sampler.identity | {"context": context, "continuation": solution})
    answer = store.get(key)
    if answer is None:
        answer = {"nll": negative_log_likelihood(sampler.model(), context, solution)}
        store.put(key, answer)
    return float(answer["nll"])


def _held_out_prompts(examples: Sequence[Example], params: Params) -> list[str]:
    return [fill(params.train.prompt, instruction=example.instruction) for example in examples]


def _count_answers(params: Params, benchmarks: Benchmarks, held_out: Sequence[Example]) -> int:
    each = params.evaluate.samples * sum(map(len, benchmarks.values())) + len(held_out)
    return each * len(params.evaluate.labels())


def _protocol(params: Params) -> dict[str, object]:
    evaluate = params.evaluate
    return {"prompt": evaluate.prompt, "frame": params.train.prompt, "extract": evaluate.extract, "mode": evaluate.mode}
