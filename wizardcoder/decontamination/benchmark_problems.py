"""The test samples: every problem of the benchmarks that the training data is compared with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError


@dataclass(frozen=True, slots=True)
class BenchmarkProblem:
    """A test sample: a problem and the name of its benchmark."""

    benchmark: str
    problem: Problem


def load_problems(names: Sequence[str], sources: Mapping[str, str | None]) -> list[BenchmarkProblem]:
    """Load the problems of every benchmark.

    Args:
        names: the section `decontaminate.benchmarks`.
        sources: the section `benchmarks`.

    Raises:
        StageError: a benchmark is listed twice or has no source, or a problem has no text.
    """
    duplicates = [name for name, count in Counter(names).items() if count > 1]
    if duplicates:
        raise StageError(f"params.yaml: decontaminate.benchmarks: found {duplicates[0]} twice, accepted: each once")
    found = [BenchmarkProblem(name, problem) for name in names for problem in load_benchmark(name, sources.get(name))]
    for test in found:
        if not re.search(r"\w", test.problem.prompt):
            raise StageError(
                f"benchmarks.{test.benchmark}: {test.problem.task_id}: prompt: found {test.problem.prompt!r}, "
                "accepted: a text with at least one word"
            )
    return found
