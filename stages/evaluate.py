"""Stage evaluate: pass@k of the fine-tuned model, of its base and of any endpoint, under one protocol.

In: models/wizardcoder, models/base, the benchmarks of `evaluate.problems`, the records that training held out. Models
are asked in the training prompt; the code of an answer is extracted, run in the sandbox and judged outside it. Out:
data/results with a line per sample and the generation's settings, per model and benchmark; data/answers with each
model's answers to held-out instructions, which people compare; metrics/evaluate.json; metrics/scores.csv for the plot.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console, paths
from wizardcoder.core.params import load
from wizardcoder.core.records import Example, write_csv, write_jsonl, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.evaluation.answers import ModelAnswers, ask_models
from wizardcoder.evaluation.available import AvailableBenchmarks, load_available
from wizardcoder.evaluation.held_out import read_held_out
from wizardcoder.evaluation.results import flat_metrics, plot_row
from wizardcoder.evaluation.score_answers import ScoredAnswers, score_models
from wizardcoder.evaluation.settings import Params, check


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The answers of each model, by label, and their scores."""

    answers: dict[str, ModelAnswers]
    scored: ScoredAnswers


def main() -> None:
    """Generate and score the answers of all models."""
    params = load(Params)
    check(params.evaluate, params.decontaminate.benchmarks)
    available = load_available(params)
    started = time.monotonic()
    with console.closing_line("evaluate") as close:
        evaluation = run(params, available.problems, read_held_out(params.evaluate.held_out))
        write(params, available, evaluation, time.monotonic() - started)
        results = evaluation.scored.results
        passed = {f"{r.benchmark}_passed": sum(row.passed for row in r.rows) for r in results if r.label == "tuned"}
        close(answers=sum(len(r.rows) for r in results), **passed)


def run(params: Params, benchmarks: Mapping[str, Sequence[Problem]], held_out: Sequence[Example]) -> Evaluation:
    """Ask all models and score their answers."""
    answers = ask_models(params, benchmarks, held_out)
    return Evaluation(answers, score_models(params.evaluate, benchmarks, answers))


def write(params: Params, available: AvailableBenchmarks, evaluation: Evaluation, seconds: float) -> None:
    """Write answers, results and metrics."""
    for label, answers in evaluation.answers.items():
        write_jsonl(paths.HELD_OUT_ANSWERS / f"{label}.jsonl", answers.held_out)
        for name, found in answers.benchmarks.items():
            write_metrics(paths.RESULTS / f"{name}.{label}.settings.json", found.settings)
    results, evaluate = evaluation.scored.results, params.evaluate
    for of_model in results:
        write_jsonl(paths.RESULTS / f"{of_model.benchmark}.{of_model.label}.jsonl", of_model.rows)
    metrics = flat_metrics(results, evaluate.dev, evaluate.pass_at, params.run.seed)
    metrics |= {f"{name}.not_run": reason for name, reason in available.not_run.items()}
    metrics |= {f"{name}.problems_not_run": count for name, count in available.problems_not_run.items()}
    metrics |= {"extract": evaluate.extract, "mode": evaluate.mode, "sandbox": ",".join(evaluation.scored.layers)}
    write_metrics(paths.EVALUATE_METRICS, metrics | {"seconds": round(seconds, 1)})
    write_csv(paths.SCORES_TABLE, [plot_row(r, params.run.seed) for r in results], ("benchmark", "model", "pass_at_1"))


if __name__ == "__main__":
    run_stage(main, __doc__)
