"""Runs references and programs in parallel, and keeps their results in a store.

In: problems and programs. Out: their results. The keys contain everything that determines a result: the code, the
problem, the limits, the versions of Python and numpy, and the source of this package.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.decontamination.execution.limits import ExecutionLimits
from wizardcoder.decontamination.execution.matching import match_program
from wizardcoder.decontamination.execution.programs import Program
from wizardcoder.decontamination.execution.reference_outputs import ReferenceIndex, ReferenceOutputs
from wizardcoder.decontamination.execution.reference_runs import run_reference
from wizardcoder.decontamination.execution.runner import CodeRunner
from wizardcoder.sandbox import wire
from wizardcoder.sandbox.errors import Died
from wizardcoder.sandbox.pool import run_jobs

OpenRunner = Callable[[ExecutionLimits], CodeRunner]
_UNCHECKABLE: dict[str, Any] = {"reference": None}


class CachedRuns:
    """Takes results from the store, and runs what is not there.

    A result that exceeded the limits is not stored: the machine may have been busy.
    """

    def __init__(self, limits: ExecutionLimits, workers: int, store: AnswerStore, open_runner: OpenRunner) -> None:
        self._limits, self._workers, self._store = limits, workers, store
        self._open_runner = open_runner

    def run_references(self, problems: Sequence[Problem]) -> list[ReferenceOutputs | None]:
        """Return each problem's reference outputs; None if the problem cannot be checked by execution."""
        keys = {n: self._key(what="reference", problem=_sha256(repr(problem))) for n, problem in enumerate(problems)}
        kept = {n: found for n, key in keys.items() if (found := self._store.get(key)) is not None}
        missing = [n for n in keys if n not in kept]
        with (
            console.track("decontaminate: references", len(missing)) as bar,
            run_jobs(
                missing, self._open, lambda runner, n: _run_and_encode(runner, problems[n]), self._workers
            ) as results,
        ):
            for number, result in results:
                if result is not None:
                    self._store.put(keys[number], result)
                kept[number] = result or _UNCHECKABLE
                bar.advance()
        return [_decode(kept[n]["reference"]) for n in range(len(problems))]

    def match_programs(self, programs: Sequence[Program], index: ReferenceIndex) -> list[dict[int, str] | None]:
        """Return each program's solutions by problem number; None if it exceeded the limits and solves nothing."""
        # the outputs and not only the problems, because a reference may have exceeded the limits this time
        references = _sha256(json.dumps([_encode(reference) for reference in index.references]))
        keys = [self._key(what="matches", code=_sha256(p.text), references=references) for p in programs]
        kept = {n: found for n, key in enumerate(keys) if (found := self._store.get(key)) is not None}
        missing = [n for n in range(len(programs)) if n not in kept]
        with (
            console.track("decontaminate: running", len(missing)) as bar,
            run_jobs(
                missing, self._open, lambda runner, n: match_program(runner, index, programs[n]), self._workers
            ) as results,
        ):
            for number, result in results:
                matches = {str(problem): str(match) for problem, match in result.matches.items()}
                kept[number] = {"matches": matches if matches or result.complete else None}
                if result.complete:
                    self._store.put(keys[number], kept[number])
                bar.advance()
        return [
            None if (matches := kept[n]["matches"]) is None else {int(problem): how for problem, how in matches.items()}
            for n in range(len(programs))
        ]

    def _open(self) -> CodeRunner:
        return self._open_runner(self._limits)

    def _key(self, **what: str) -> Key:
        return Key.of({**what, **_versions(), "limits": asdict(self._limits), "source": _source_hash()})


def _run_and_encode(runner: CodeRunner, problem: Problem) -> dict[str, Any] | None:
    """Return a reference's outputs as they are stored; None if it exceeded the limits."""
    try:
        return {"reference": _encode(run_reference(runner, problem))}
    except Died:
        return None


def _encode(reference: ReferenceOutputs | None) -> dict[str, Any] | None:
    return None if reference is None else asdict(reference) | {"calls": wire.dumps(reference.calls).decode()}


def _decode(stored: dict[str, Any] | None) -> ReferenceOutputs | None:
    return None if stored is None else ReferenceOutputs(**stored | {"calls": wire.loads(stored["calls"].encode())})


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@cache
def _versions() -> dict[str, str]:
    return {"python": sys.version, "numpy": importlib.metadata.version("numpy")}


@cache
def _source_hash() -> str:
    """Return a hash of the code that runs and compares, so that results of another version are not reused."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(wire.__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
