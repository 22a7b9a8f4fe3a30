"""Finds which training samples solve which test samples, by running their code.

In: problems and training samples. Out: for each training sample the problems that a function in its text solves, and
how. The results are kept in `execution.sqlite` in the cache folder, so that a second run only executes what is new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.records import Example
from wizardcoder.core.store import AnswerStore
from wizardcoder.decontamination.execution.cached_runs import CachedRuns, OpenRunner
from wizardcoder.decontamination.execution.limits import ExecutionLimits
from wizardcoder.decontamination.execution.programs import Program, parse_program
from wizardcoder.decontamination.execution.reference_outputs import ReferenceIndex
from wizardcoder.decontamination.execution.runner import CodeRunner
from wizardcoder.source_code import extraction

FILE_NAME = "execution.sqlite"


@dataclass(frozen=True, slots=True)
class ExecutionResult:
    """Which training samples solve which problems.

    Attributes:
        matches: by number of the training sample, by number of the problem, how the sample's code solves it.
        uncheckable: numbers of problems that cannot be checked by execution: their tests show no calls, they are not
            functions, their outputs are too few or trivial, or their reference exceeded the limits.
        exceeded_limits: number of training samples whose code exceeded the limits, so that its result is unknown.
        unparsed: number of training samples whose code is not valid Python, so that none of it was run.
        programs: number of different programs that were compared with the references.
    """

    matches: Mapping[int, Mapping[int, str]]
    uncheckable: Sequence[int]
    exceeded_limits: int
    unparsed: int
    programs: int


NOT_RUN = ExecutionResult({}, (), 0, 0, 0)
"""The result if execution is off."""


def search_solutions(
    problems: Sequence[Problem],
    examples: Sequence[Example],
    limits: ExecutionLimits,
    workers: int,
    folder: Path,
    *,
    open_runner: OpenRunner = CodeRunner,
) -> ExecutionResult:
    """Compare every training sample's code with every problem's reference.

    Args:
        problems: of any benchmarks.
        examples: the training samples; code in their instructions counts as well.
        limits: of each call, and the agreement that a solution needs.
        workers: number of sandboxes that run in parallel; best the number of cores.
        folder: of the cache.
        open_runner: opens a worker's runner.

    Raises:
        SandboxError: the sandbox failed, or is not available on this machine.
    """
    owners, unparsed = _collect_programs(examples)
    with AnswerStore(folder / FILE_NAME) as store:
        runs = CachedRuns(limits, workers, store, open_runner)
        references = runs.run_references(problems)
        solved = runs.match_programs(list(owners), ReferenceIndex(references))
    matches: dict[int, dict[int, str]] = defaultdict(dict)
    exceeded = set()
    for numbers, found in zip(owners.values(), solved, strict=True):
        exceeded |= set(numbers) if found is None else set()
        for number in numbers:
            for problem, how in (found or {}).items():
                matches[number].setdefault(problem, how)
    uncheckable = [number for number, one in enumerate(references) if one is None]
    return ExecutionResult(matches, uncheckable, len(exceeded), unparsed, len(owners))


def _collect_programs(examples: Sequence[Example]) -> tuple[dict[Program, list[int]], int]:
    """Return the different programs with the numbers of their training samples, and the number of unparsed samples."""
    owners: dict[Program, list[int]] = defaultdict(list)
    unparsed = 0
    with console.track("decontaminate: reading", len(examples)) as bar:
        for number, example in enumerate(examples):
            programs = _extract_programs(example)
            unparsed += programs is None
            for program in programs or ():
                owners[program].append(number)
            bar.advance()
    return owners, unparsed


def _extract_programs(example: Example) -> set[Program] | None:
    """Return the programs in a training sample's texts; None if what looks like Python is not valid."""
    found: set[Program] = set()
    broken = False
    for text, other in ((example.response, example.instruction), (example.instruction, "")):
        code = extraction.extract_program(text, other, "python")
        if code is None:
            continue
        try:
            codes = [parse_program(code.text)]
        except SyntaxError:  # one of several blocks may be a sketch, or show the others' output
            codes = []
            for part in extraction.extract_program_parts(text, other, "python"):
                with suppress(SyntaxError):
                    codes.append(parse_program(part.text))
            broken = broken or not any(codes)
        found |= {program for program in codes if program is not None}
    return None if broken and not found else found
