"""Which training samples solve which test samples, found by running their code.

In: test samples, training samples. Out: for each training sample the test samples that a function in its text solves,
and how. One SQLite file in the cache folder keeps what was found, by the code, the test samples and the source of what
compares them, so that a second run runs only what is new.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.records import Example
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.decontamination.execution import (
    argument_invariants,
    benchmark_calls,
    output_equality,
    reference_outputs,
    runner_guest,
)
from wizardcoder.decontamination.execution import runner as prober
from wizardcoder.decontamination.execution.reference_outputs import Behaviour, Book
from wizardcoder.decontamination.execution.runner import Prober, Program, Rules, program_of
from wizardcoder.sandbox import wire as values
from wizardcoder.sandbox.host import Died
from wizardcoder.sandbox.pool import run_jobs
from wizardcoder.source_code import extraction

FILE_NAME = "behaviours.sqlite"
_UNTOLD: dict[str, Any] = {"behaviour": None}


@dataclass(frozen=True, slots=True)
class Search:
    """What came of it.

    Attributes:
        solved: by the training sample's number, by the test sample's number, how it is solved.
        untold: numbers of the test samples that calls cannot tell: their tests show none, or they are no functions.
        ended: training samples whose code ran out of its limits, so that nothing is known of it.
        unparsed: training samples whose Python is none, so that nothing of it was run.
        programs: different ones that were held against the test samples.
    """

    solved: Mapping[int, Mapping[int, str]]
    untold: Sequence[int]
    ended: int
    unparsed: int
    programs: int


NOTHING = Search({}, (), 0, 0, 0)
"""What comes of running nothing."""


def search(
    problems: Sequence[Problem],
    examples: Sequence[Example],
    rules: Rules,
    workers: int,
    folder: Path,
) -> Search:
    """Hold every training sample's code against every test sample.

    Args:
        problems: of any benchmarks.
        examples: the training samples; code in the instruction counts as well.
        rules: how.
        workers: sandboxes side by side; as many as cores.
        folder: of the store.

    Raises:
        SandboxError: the sandbox cannot be had on this machine, or failed.
    """
    owners: dict[Program, list[int]] = defaultdict(list)
    unparsed = 0
    with console.track("decontaminate: reading", len(examples)) as bar:
        for number, example in enumerate(examples):
            programs = _programs(example)
            unparsed += programs is None
            for program in programs or ():
                owners[program].append(number)
            bar.advance()
    with AnswerStore(folder / FILE_NAME) as store:
        behaviours = _behaviours(problems, rules, workers, store)
        book = Book([None if one is None else _decoded(one) for one in behaviours])
        # what is found depends on the behaviours that were told this time, not on the problems alone
        found = _solved(list(owners), (book, _sha256(json.dumps(behaviours))), rules, workers, store)
    solved: dict[int, dict[int, str]] = defaultdict(dict)
    for program, numbers in owners.items():
        for number in numbers:
            for test, told in (found[program] or {}).items():
                solved[number].setdefault(test, told)
    untold = [number for number, one in enumerate(book.behaviours) if one is None]
    ended = {number for program, numbers in owners.items() if found[program] is None for number in numbers}
    return Search(solved, untold, len(ended), unparsed, len(owners))


def _programs(example: Example) -> set[Program] | None:
    """Give the programs in a training sample's texts; None where what looks like Python is none."""
    found: set[Program] = set()
    broken = False
    for text, other in ((example.response, example.instruction), (example.instruction, "")):
        code = extraction.code_of(text, other, "python")
        if code is None:
            continue
        try:
            codes = [program_of(code.text)]
        except SyntaxError:  # one block of several may be a sketch, or show what the others print
            codes = []
            for part in extraction.parts_of(text, other, "python"):
                with suppress(SyntaxError):
                    codes.append(program_of(part.text))
            broken = broken or not any(codes)
        found |= {program for program in codes if program is not None}
    return None if broken and not found else found


def _behaviours(
    problems: Sequence[Problem], rules: Rules, workers: int, store: AnswerStore
) -> list[dict[str, Any] | None]:
    keys = {n: _key(rules, what="behaviour", problem=_sha256(repr(problem))) for n, problem in enumerate(problems)}
    kept = {n: found for n, key in keys.items() if (found := store.get(key)) is not None}
    missing = [n for n in keys if n not in kept]
    with (
        console.track("decontaminate: references", len(missing)) as bar,
        run_jobs(missing, lambda: Prober(rules), lambda prober, n: _behaviour(prober, problems[n]), workers) as results,
    ):
        for number, found in results:
            if found is not None:  # else it may have been this machine's hour, here and below
                store.put(keys[number], found)
            kept[number] = found or _UNTOLD
            bar.advance()
    return [kept[n]["behaviour"] for n in range(len(problems))]


def _solved(
    programs: Sequence[Program],
    against: tuple[Book, str],
    rules: Rules,
    workers: int,
    store: AnswerStore,
) -> dict[Program, dict[int, str] | None]:
    book, tests = against
    keys = {program: _key(rules, what="solved", code=_sha256(program.text), tests=tests) for program in programs}
    kept = {program: found for program, key in keys.items() if (found := store.get(key)) is not None}
    missing = [program for program in programs if program not in kept]
    with (
        console.track("decontaminate: running", len(missing)) as bar,
        run_jobs(
            missing, lambda: Prober(rules), lambda prober, program: prober.solved(book, program), workers
        ) as results,
    ):
        for program, found in results:
            told = {str(number): str(solved) for number, solved in found.solved.items()}
            kept[program] = {"solved": told if told or found.complete else None}
            if found.complete:
                store.put(keys[program], kept[program])
            bar.advance()
    return {
        program: None if (told := kept[program]["solved"]) is None else {int(n): how for n, how in told.items()}
        for program in programs
    }


def _behaviour(prober: Prober, problem: Problem) -> dict[str, Any] | None:
    """Give a behaviour as it is kept; None where the reference ran out of its limits."""
    try:
        found = prober.behaviour(problem)
    except Died:
        return None
    return _UNTOLD if found is None else {"behaviour": asdict(found) | {"calls": values.dumps(found.calls).decode()}}


def _decoded(told: dict[str, Any]) -> Behaviour:
    return Behaviour(**told | {"calls": values.loads(told["calls"].encode())})


def _key(rules: Rules, **what: str) -> Key:
    versions = {"python": sys.version, "numpy": importlib.metadata.version("numpy")}
    return Key.of({**what, **versions, "rules": asdict(rules), "source": _source_hash()})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@cache
def _source_hash() -> str:
    """Give a hash of the code that compares: what an older version of it found is not taken over."""
    files = [
        Path(str(module.__file__))
        for module in (
            reference_outputs,
            argument_invariants,
            benchmark_calls,
            output_equality,
            runner_guest,
            prober,
            values,
        )
    ]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
