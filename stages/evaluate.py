"""Stage evaluate: pass@k of the fine-tuned model, of its base and of any endpoint, under one protocol.

In: models/wizardcoder, models/base, the benchmarks in `evaluate.problems`. Answers are generated in the training
prompt, the code is taken out of them, run in the sandbox and judged outside it. Out: data/results with a line per
sample (task_id, completion, passed, result, seconds, answer) and the generation's settings, per model and benchmark;
data/answers with what each model says to instructions held out from training, for people to compare;
metrics/evaluate.json, flat; metrics/scores.csv for the plot. Because a small model's pass@1 is near zero, the mean
negative log-likelihood of the canonical solutions stands beside it.

    python -m stages.evaluate                       the stage
    python -m stages.evaluate generate              only fills the store of answers; also under torchrun
    python -m stages.evaluate score ...             scores a file of samples, from anywhere
    python -m stages.evaluate compare A B           two result files, with significance
    python -m stages.evaluate human VOTES...        what raters preferred, cast on report/compare.html
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.load import load_benchmark, missing
from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core import console
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.params import PART, STRICT, RunParams, Text, load
from wizardcoder.core.records import Example, write_csv, write_jsonl, write_metrics
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.core.templates import fill
from wizardcoder.evaluation import score_files
from wizardcoder.evaluation.held_out_answers import ANSWERS, HeldOutAnswer
from wizardcoder.evaluation.held_out_examples import read_held_out
from wizardcoder.evaluation.results import Result, Scored, flat_metrics
from wizardcoder.evaluation.settings import GENERATIONS, EvaluateParams, check, sampler_of
from wizardcoder.generation.local_model import negative_log_likelihood
from wizardcoder.generation.sampler import LocalSampler, Sampler, shard
from wizardcoder.report.votes import tally as human
from wizardcoder.scoring import availability
from wizardcoder.scoring.score_samples import default_workers, score
from wizardcoder.statistics.significance import pass_at_k_table

OUT = Path("data/results")
METRICS = Path("metrics/evaluate.json")
SCORES = Path("metrics/scores.csv")


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
    """What this stage reads of params.yaml; `benchmarks` maps a name to its source."""

    run: RunParams
    benchmarks: dict[str, Text | None]
    train: TrainPrompt
    decontaminate: Checked
    evaluate: EvaluateParams


@dataclass(frozen=True, slots=True)
class AtHand:
    """The benchmarks that can run here; the others with the reason, and how many problems of a benchmark can't run."""

    problems: dict[str, list[Problem]]
    not_run: dict[str, str]
    left_out: dict[str, int]


@dataclass(frozen=True, slots=True)
class Answered:
    """A model's answers to a benchmark, [problem][sample], and the likelihoods of its solutions."""

    texts: list[list[str]]
    nlls: list[float | None]


def main() -> None:
    """Run the stage, or one of its parts on files."""
    options = _parser().parse_args()
    options.run(options)


def _stage(_: argparse.Namespace) -> None:
    """Score all models on all benchmarks."""
    params = load(Params)
    check(params.evaluate, params.decontaminate.benchmarks)
    found = at_hand(params)
    started = time.monotonic()
    with console.closing_line("evaluate") as close:
        scored, layers = run(params, found.problems)
        metrics = flat_metrics(scored, params.evaluate.dev, params.evaluate.pass_at, params.run.seed)
        metrics |= {f"{name}.not_run": reason for name, reason in found.not_run.items()}
        metrics |= {f"{name}.problems_not_run": count for name, count in found.left_out.items()}
        protocol_of = {"extract": params.evaluate.extract, "mode": params.evaluate.mode, "sandbox": ",".join(layers)}
        seconds = round(time.monotonic() - started, 1)
        write_metrics(METRICS, metrics | protocol_of | {"seconds": seconds})
        write_csv(SCORES, [_plotted(s, params.run.seed) for s in scored], ("benchmark", "model", "pass_at_1"))
        passed = {f"{s.benchmark}_passed": sum(r.passed for r in s.rows) for s in scored if s.label == "tuned"}
        close(answers=sum(len(s.rows) for s in scored), **passed)


def _generate(_: argparse.Namespace) -> None:
    """Fill the store with the answers that the stage will need; under torchrun, this process's share of them."""
    params = load(Params)
    check(params.evaluate, params.decontaminate.benchmarks)
    problems = [p for found in at_hand(params).problems.values() for p in found]
    prompts = [_asked(p, params) for p in problems]
    questions = _framed(read_held_out(params.evaluate.held_out), params)
    rank, world_size = shard()
    labels = params.evaluate.labels()
    total = (params.evaluate.samples * len(prompts) + len(questions)) * len(labels)
    with console.closing_line("generate") as close:
        with AnswerStore(cache_dir() / GENERATIONS) as store, console.track("generate", total) as bar:
            for label in labels:
                with contextlib.closing(sampler_of(label, params.evaluate, params.run.seed, store)) as sampler:
                    sampler.fill(questions, bar, 1)
                    sampler.fill(prompts, bar)
                    likelihoods(sampler, prompts[rank::world_size], problems[rank::world_size], store)
        close(answers=total, process=f"{rank + 1} of {world_size}")


def at_hand(params: Params) -> AtHand:
    """Load the benchmarks in `evaluate.problems`.

    Raises:
        StageError: none of them can run here.
    """
    found = AtHand({}, {}, {})
    for name, first in params.evaluate.wanted().items():
        source = params.benchmarks.get(name)
        reason = missing(name, source) or availability.absent_tools(name, params.evaluate.allow_unsafe)
        if reason is not None:
            found.not_run[name] = reason
            console.say(f"evaluate: {name} not run: {reason}")
            continue
        problems, left_out = availability.split_runnable({p.task_id: p for p in load_benchmark(name, source, first)})
        if left_out:
            found.left_out[name] = len(left_out)
            console.say(f"evaluate: {name}: {len(left_out)} problems not run: {next(iter(left_out.values()))}")
        if problems:
            found.problems[name] = list(problems.values())
        else:
            found.not_run[name] = next(iter(left_out.values()))
    if not found.problems:
        raise StageError("params.yaml: evaluate.problems: none of the benchmarks can run here")
    return found


def run(params: Params, benchmarks: Mapping[str, Sequence[Problem]]) -> tuple[list[Scored], tuple[str, ...]]:
    """Generate and score everything and write the results; gives them with the sandbox's layers."""
    answered: dict[tuple[str, str], Answered] = {}
    labels = params.evaluate.labels()
    total = params.evaluate.samples * sum(map(len, benchmarks.values())) * len(labels)
    held_out = read_held_out(params.evaluate.held_out)
    answers = total + len(held_out) * len(labels)
    with AnswerStore(cache_dir() / GENERATIONS) as store, console.track("generate", answers) as bar:
        for label in labels:
            with contextlib.closing(sampler_of(label, params.evaluate, params.run.seed, store)) as sampler:
                said = zip(held_out, sampler.answers(_framed(held_out, params), bar, 1), strict=True)
                rows_of = [HeldOutAnswer(e.id, e.instruction, texts[0]) for e, texts in said]
                write_jsonl(ANSWERS / f"{label}.jsonl", rows_of)
                for name, problems in benchmarks.items():
                    prompts = [_asked(p, params) for p in problems]
                    texts = sampler.answers(prompts, bar)
                    answered[label, name] = Answered(texts, likelihoods(sampler, prompts, problems, store))
                    write_metrics(OUT / f"{name}.{label}.settings.json", sampler.settings() | _protocol(params))
    scored: list[Scored] = []
    layers: tuple[str, ...] = ()
    with console.track("score", total) as bar:
        for (label, name), found in answered.items():
            rows, layers = judged(name, benchmarks[name], found, params.evaluate, bar)
            write_jsonl(OUT / f"{name}.{label}.jsonl", rows)
            scored.append(Scored(name, label, list(benchmarks[name]), rows))
    return scored, layers


def likelihoods(
    sampler: Sampler, prompts: Sequence[str], problems: Sequence[Problem], store: AnswerStore
) -> list[float | None]:
    """Give the mean negative log-likelihood per token of each canonical solution, in nats, for a local model.

    The solution stands where it would in an answer of the form that the extraction expects.
    """
    if not isinstance(sampler, LocalSampler):
        return [None] * len(prompts)
    found: list[float | None] = []
    for prompt, problem in zip(prompts, problems, strict=True):
        if not problem.canonical_solution:
            found.append(None)
            continue
        context = f"{prompt}```python\n{problem.prefix}"
        key = Key.of(sampler.identity | {"context": context, "continuation": problem.canonical_solution})
        answer = store.get(key)
        if answer is None:
            answer = {"nll": negative_log_likelihood(sampler.model(), context, problem.canonical_solution)}
            store.put(key, answer)
        found.append(float(answer["nll"]))
    return found


def judged(
    name: str, problems: Sequence[Problem], answered: Answered, evaluate: EvaluateParams, bar: Track
) -> tuple[list[Result], tuple[str, ...]]:
    """Take the code out of a benchmark's answers, run and judge it; gives also the sandbox's layers."""
    texts = [
        (p, number, text)
        for p, of_one in zip(problems, answered.texts, strict=True)
        for number, text in enumerate(of_one)
    ]
    samples = [Sample(p.task_id, protocol.completion_of(p, text, evaluate.extract)) for p, _, text in texts]
    by_id = {p.task_id: protocol.for_answers(p, evaluate.extract) for p in problems}
    found = score(by_id, samples, evaluate.rules(name), evaluate.workers or default_workers(), bar.advance)
    nll_of = {p.task_id: nll for p, nll in zip(problems, answered.nlls, strict=True)}
    rows = [
        Result(p.task_id, number, s.completion, v.passed, v.result, round(v.seconds, 3), text, nll_of[p.task_id])
        for (p, number, text), s, v in zip(texts, samples, found.verdicts, strict=True)
    ]
    return rows, found.layers


def _framed(examples: Sequence[Example], params: Params) -> list[str]:
    return [fill(params.train.prompt, instruction=example.instruction) for example in examples]


def _asked(problem: Problem, params: Params) -> str:
    return protocol.asked(problem, params.evaluate.prompt, params.train.prompt)


def _protocol(params: Params) -> dict[str, object]:
    evaluate = params.evaluate
    return {"prompt": evaluate.prompt, "frame": params.train.prompt, "extract": evaluate.extract, "mode": evaluate.mode}


def _plotted(found: Scored, seed: int) -> dict[str, object]:
    pass_at_1 = pass_at_k_table(found.counts(), [1], seed)[1].value
    return {"benchmark": found.benchmark, "model": found.label, "pass_at_1": pass_at_1}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m stages.evaluate", description="Score models on benchmarks.")
    parser.set_defaults(run=_stage)
    commands = parser.add_subparsers(metavar="COMMAND", help="without one: the stage, as params.yaml says")
    generate = commands.add_parser("generate", help="only fill the store of answers; under torchrun, on every GPU")
    generate.set_defaults(run=_generate)
    score_files.add_commands(commands)
    human.add_command(commands)
    return parser


if __name__ == "__main__":
    console.entry(main)
