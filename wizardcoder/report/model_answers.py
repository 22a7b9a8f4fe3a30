"""The models' answers to the benchmarks and to held-out instructions, side by side by question.

In: the files of the stage evaluate, or any two result files; the benchmarks, for what was asked. Out: questions with an
answer of each model. Of several samples of a problem the first is given, with the count of those that passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.core.console import StageError
from wizardcoder.core.records import read_jsonl
from wizardcoder.evaluation.held_out import ANSWERS, HeldOutAnswer
from wizardcoder.report.votes.comparison import Comparison, Item, make_comparison

RESULTS = Path("data/results")
HELD_OUT = "held_out"
FIRST, LAST = "base", "tuned"  # of the labels, in the order in which a reader compares them


@checked(frozen=True, slots=True, config=ConfigDict(extra="ignore", strict=True))
class Judged:
    """Of a result file what is shown; `answer` is absent where the file was scored from bare completions."""

    task_id: str
    passed: bool
    result: str
    completion: str = ""
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A model's first answer to a problem, what judging it gave, and how many of its samples passed."""

    label: str
    text: str
    result: str
    passed: int
    samples: int


@dataclass(frozen=True, slots=True)
class Question:
    """A problem or a held-out instruction, and its answers, one of each model.

    `prompt` is None where the benchmark is not at hand. Answers to an instruction are not judged: `samples` is 0.
    """

    benchmark: str
    task_id: str
    prompt: str | None
    answers: tuple[Answer, ...]


def read_questions(sources: Mapping[str, str | None], folder: Path = RESULTS) -> list[Question]:
    """Read all results in a folder, files named BENCHMARK.LABEL.jsonl; `sources` says where the benchmarks are.

    Raises:
        StageError: a file is broken.
    """
    files: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        benchmark, _, label = path.stem.rpartition(".")
        files.setdefault(benchmark, {})[label] = path
    return [
        question
        for benchmark, of_one in files.items()
        for question in together(benchmark, of_one, prompts_of(benchmark, sources.get(benchmark)))
    ]


def read_held_out_answers(folder: Path = ANSWERS) -> list[Question]:
    """Read what the models answered to the instructions that training held out, in a folder of LABEL.jsonl."""
    found: dict[str, tuple[str, list[Answer]]] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for row in read_jsonl(path, HeldOutAnswer):
            answers = found.setdefault(row.id, (row.instruction, []))[1]
            answers.append(Answer(path.stem, row.answer, "", 0, 0))
    return [Question(HELD_OUT, name, asked, tuple(answers)) for name, (asked, answers) in found.items()]


def together(benchmark: str, files: Mapping[str, Path], prompts: Mapping[str, str]) -> list[Question]:
    """Put the answers of result files, by label, side by side in the order of the first file's problems."""
    found: dict[str, list[Answer]] = {}
    for label in sorted(files, key=lambda name: ({FIRST: 0, LAST: 2}.get(name, 1), name)):
        by_task: dict[str, list[Judged]] = {}
        for row in read_jsonl(files[label], Judged):
            by_task.setdefault(row.task_id, []).append(row)
        for task_id, rows in by_task.items():
            found.setdefault(task_id, []).append(_answer(label, rows))
    return [Question(benchmark, task, prompts.get(task), tuple(answers)) for task, answers in found.items()]


def compare(questions: Iterable[Question], a: str, b: str) -> Comparison:
    """Make a comparison of two models, of all questions that both answered differently and whose text is known."""
    items, equal = [], 0
    for question in questions:
        texts = {answer.label: answer.text.strip() for answer in question.answers}
        if a not in texts or b not in texts:
            continue
        if texts[a] == texts[b]:
            equal += 1
        elif question.prompt is not None:
            items.append(Item(f"{question.benchmark}/{question.task_id}", question.prompt, texts[a], texts[b]))
    return make_comparison(a, b, items, equal)


def prompts_of(benchmark: str, source: str | None) -> dict[str, str]:
    """Give what each problem of a benchmark asks, nothing where the benchmark is not at hand."""
    try:
        return {problem.task_id: problem.prompt for problem in load_benchmark(benchmark, source)}
    except StageError:
        return {}


def _answer(label: str, rows: Sequence[Judged]) -> Answer:
    first = rows[0]
    text = first.completion if first.answer is None else first.answer
    return Answer(label, text, first.result, sum(row.passed for row in rows), len(rows))
