"""The benchmarks of `evaluate.problems` that can run on this machine.

Covers sources that are not set, missing toolchains and missing Python packages. Does not install anything.
"""

from __future__ import annotations

from dataclasses import dataclass

from wizardcoder.benchmarks.load import load_benchmark, missing_source
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.evaluation.settings import Params
from wizardcoder.scoring import availability


@dataclass(frozen=True, slots=True)
class AvailableBenchmarks:
    """The problems that can run here, by benchmark.

    `not_run` has the reason for each benchmark that cannot run at all, `problems_not_run` the number of problems that
    are left out of a benchmark that can.
    """

    problems: dict[str, list[Problem]]
    not_run: dict[str, str]
    problems_not_run: dict[str, int]


def load_available(params: Params) -> AvailableBenchmarks:
    """Load the benchmarks of `evaluate.problems` and print what is left out.

    Raises:
        StageError: no benchmark can run here.
    """
    found = AvailableBenchmarks({}, {}, {})
    for name, first in params.evaluate.wanted().items():
        _load(name, first, params, found)
    if not found.problems:
        raise StageError("params.yaml: evaluate.problems: none of the benchmarks can run here")
    return found


def _load(name: str, first: int | None, params: Params, found: AvailableBenchmarks) -> None:
    source = params.benchmarks.get(name)
    reason = missing_source(name, source) or availability.missing_requirement(name, params.evaluate.allow_unsafe)
    if reason is not None:
        found.not_run[name] = reason
        console.say(f"evaluate: {name} not run: {reason}")
        return
    problems, left_out = availability.split_runnable({p.task_id: p for p in load_benchmark(name, source, first)})
    if left_out:
        found.problems_not_run[name] = len(left_out)
        console.say(f"evaluate: {name}: {len(left_out)} problems not run: {next(iter(left_out.values()))}")
    if problems:
        found.problems[name] = list(problems.values())
    else:
        found.not_run[name] = next(iter(left_out.values()))
