"""Score answers: extract the code, run it in the sandbox and judge it.

In: the models' answers to benchmarks. Out: one result per sample. Does not ask models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core import console
from wizardcoder.core.console import Track
from wizardcoder.evaluation.answers import BenchmarkAnswers, ModelAnswers
from wizardcoder.evaluation.results import ModelResults, SampleResult
from wizardcoder.evaluation.settings import EvaluateParams
from wizardcoder.scoring.score_samples import default_workers, score


@dataclass(frozen=True, slots=True)
class ScoredAnswers:
    """The results of each model on each benchmark, and the sandbox layers that were active."""

    results: list[ModelResults]
    layers: tuple[str, ...]


def score_models(
    evaluate: EvaluateParams, benchmarks: Mapping[str, Sequence[Problem]], answers: Mapping[str, ModelAnswers]
) -> ScoredAnswers:
    """Score all models on all benchmarks."""
    total = evaluate.samples * sum(map(len, benchmarks.values())) * len(answers)
    results: list[ModelResults] = []
    layers: tuple[str, ...] = ()
    with console.track("score", total) as bar:
        for label, of_model in answers.items():
            for name, found in of_model.benchmarks.items():
                rows, layers = score_benchmark(name, benchmarks[name], found, evaluate, bar)
                results.append(ModelResults(name, label, list(benchmarks[name]), rows))
    return ScoredAnswers(results, layers)


def score_benchmark(
    name: str, problems: Sequence[Problem], answers: BenchmarkAnswers, evaluate: EvaluateParams, bar: Track
) -> tuple[list[SampleResult], tuple[str, ...]]:
    """Return the result of each sample in order, and the sandbox layers that were active."""
    texts = [
        (p, number, text)
        for p, of_one in zip(problems, answers.texts, strict=True)
        for number, text in enumerate(of_one)
    ]
    samples = [Sample(p.task_id, protocol.extract_completion(p, text, evaluate.extract)) for p, _, text in texts]
    by_id = {p.task_id: protocol.problem_for_answers(p, evaluate.extract) for p in problems}
    found = score(
        by_id, samples, evaluate.judge_settings(name), evaluate.runtime.workers or default_workers(), bar.advance
    )
    nll_of = {p.task_id: nll for p, nll in zip(problems, answers.nlls, strict=True)}
    rows = [
        SampleResult(p.task_id, number, s.completion, v.passed, v.result, round(v.seconds, 3), text, nll_of[p.task_id])
        for (p, number, text), s, v in zip(texts, samples, found.verdicts, strict=True)
    ]
    return rows, found.layers
