"""The models' answers to benchmarks and to held-out instructions, grouped by question.

In: the files of the stage evaluate, or any two result files; the benchmarks, for the prompts. Out: questions with one
answer of each model. Of several samples of a problem the first is shown, with the number of samples that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import read_records
from wizardcoder.evaluation.held_out import HeldOutAnswer
from wizardcoder.report.votes.comparison import AnswerPair, BlindComparison, make_comparison

HELD_OUT = "held_out"
_ORDER = {"base": 0, "tuned": 2}  # of the labels, in which a reader compares them; others come between


@checked(frozen=True, slots=True, config=ConfigDict(extra="ignore", strict=True))
class ResultRow:
    """What is shown of a line of a result file; `answer` is missing if bare completions were scored."""

    task_id: str
    passed: bool
    result: str
    completion: str = ""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A model's first answer to a problem, its result, and how many of its samples passed."""

    label: str
    text: str
    result: str
    passed: int
    samples: int


@dataclass(frozen=True, slots=True)
class Question:
    """A problem or a held-out instruction, with one answer of each model.

    `prompt` is None if the benchmark is not available. Answers to an instruction are not scored: `samples` is 0.
    """

    benchmark: str
    task_id: str
    prompt: str | None
    answers: tuple[ModelAnswer, ...]


def read_questions(sources: Mapping[str, str | None], folder: Path = paths.RESULTS) -> list[Question]:
    """Read all results in a folder, files named BENCHMARK.LABEL.jsonl; `sources` are the benchmarks' sources by name.

    Raises:
        StageError: a file is broken.
    """
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        benchmark, _, label = path.stem.rpartition(".")
        files.setdefault(benchmark, {})[label] = path
    return [
        question
        for benchmark, by_label in files.items()
        for question in group_answers(benchmark, by_label, load_prompts(benchmark, sources.get(benchmark)))
    ]


def read_held_out_answers(folder: Path = paths.HELD_OUT_ANSWERS) -> list[Question]:
    """Read the models' answers to the instructions that training held out, in a folder of LABEL.jsonl."""
    found: dict[str, tuple[str, list[ModelAnswer]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for row in read_records(path, HeldOutAnswer):
            answers = found.setdefault(row.id, (row.instruction, []))[1]
            answers.append(ModelAnswer(path.stem, row.answer, "", 0, 0))
    return [Question(HELD_OUT, name, prompt, tuple(answers)) for name, (prompt, answers) in found.items()]


def group_answers(benchmark: str, files: Mapping[str, Path], prompts: Mapping[str, str]) -> list[Question]:
    """Group the answers of result files, given by label, in the order of the first file's problems."""
    found: dict[str, list[ModelAnswer]] = {}
    for label in sorted(files, key=lambda name: (_ORDER.get(name, 1), name)):
        by_task: dict[str, list[ResultRow]] = {}
        for row in read_records(files[label], ResultRow):
            by_task.setdefault(row.task_id, []).append(row)
        for task_id, rows in by_task.items():
            found.setdefault(task_id, []).append(_first_answer(label, rows))
    return [Question(benchmark, task, prompts.get(task), tuple(answers)) for task, answers in found.items()]


def pair_answers(questions: Iterable[Question], a: str, b: str) -> BlindComparison:
    """Build a comparison of two models from the questions with a known prompt that both answered differently."""
    pairs, equal = [], 0
    for question in questions:
        texts = {answer.label: answer.text.strip() for answer in question.answers}
        if a not in texts or b not in texts:
            continue
        if texts[a] == texts[b]:
            equal += 1
        elif question.prompt is not None:
            pairs.append(AnswerPair(f"{question.benchmark}/{question.task_id}", question.prompt, texts[a], texts[b]))
    return make_comparison(a, b, pairs, equal)


def load_prompts(benchmark: str, source: str | None) -> dict[str, str]:
    """Return a benchmark's prompts by task_id, empty if the benchmark is not available."""
    try:
        return {problem.task_id: problem.prompt for problem in load_benchmark(benchmark, source)}
    except StageError:
        return {}


def _first_answer(label: str, rows: Sequence[ResultRow]) -> ModelAnswer:
    first = rows[0]
    text = first.completion if first.answer is None else first.answer
    return ModelAnswer(label, text, first.result, sum(row.passed for row in rows), len(rows))
