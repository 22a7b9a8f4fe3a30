"""Judge one sample after the other: samples run in the sandbox and are judged outside it.

In: a problem and a completion. Out: a verdict. In strict mode the sandbox holds the completion alone and the problem's
own tests run here (strict_tests.py). In official mode tests and completion run together in the sandbox, as in the
published harnesses: a hostile sample can then forge a pass. EvalPlus's problems are judged outside in both modes,
MultiPL-E's inside in both. Trusted: the benchmark's tests and solutions. This module does not import torch.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Literal

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.sandbox import toolchains, wire
from wizardcoder.sandbox.environments import Environment, numpy_environment
from wizardcoder.sandbox.errors import Died, Raised, TimedOut, printable
from wizardcoder.sandbox.host import Sandboxes
from wizardcoder.sandbox.limits import Limits
from wizardcoder.sandbox.running_sample import RunningSample, encoded_call
from wizardcoder.scoring.ds1000 import runner as ds1000
from wizardcoder.scoring.evalplus import OutputComparator
from wizardcoder.scoring.multipl_e import run as multipl_e
from wizardcoder.scoring.official_programs import official_program
from wizardcoder.scoring.references import References
from wizardcoder.scoring.settings import JudgeMode, JudgeSettings, Verdict
from wizardcoder.scoring.strict_tests import error_text, run_tests

_REFERENCE_S = 120.0  # wall time of a reference solution
_COMPILE_S = 60.0  # at most, before a program of MultiPL-E starts
_REFERENCE_FACTOR = 4  # evalplus: a sample may take this many times the reference's time
# errors of comparing what a sample returned: they fail this sample, and must not end the judging of others
_COMPARISON_ERRORS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


class Judge(Sandboxes):
    """Judges samples. Not for use by several threads at once."""

    def __init__(self, settings: JudgeSettings) -> None:
        super().__init__(settings.allow_unsafe)
        self.settings = settings
        self._references = self._open.enter_context(References())
        self._ds1000 = self._open.enter_context(ds1000.DS1000(settings.allow_unsafe))

    def prepare(self, problem: Problem) -> float:
        """Compute what judging needs of a problem's reference; return the seconds a sample may take beyond its own."""
        if problem.checker == "inputs":
            return float(_REFERENCE_FACTOR * self._reference(problem)["seconds"])
        self._is_judged_outside(problem)
        return _COMPILE_S if problem.checker == "program" else 0.0

    def layers(self) -> tuple[str, ...]:
        """Return the sandbox layers that are active on this machine."""
        return self._sandbox("plain", Environment).layers

    def verdict(self, problem: Problem, completion: str) -> Verdict:
        """Judge a completion, the code that follows the problem's prefix."""
        start = time.perf_counter()
        outside = self.settings.mode == "strict" and problem.checker != "program"
        try:
            outside = self._is_judged_outside(problem)
            result = self._result(problem, completion, outside)
        except TimedOut:
            result = "timed out"
        except (Raised, Died, AssertionError) as exc:
            result = f"failed: {_failure(exc)}"
        except _COMPARISON_ERRORS as exc:
            result = f"failed: what it returned can't be judged: {type(exc).__name__}"
        return Verdict(result == "passed", result, time.perf_counter() - start, outside)

    def _is_judged_outside(self, problem: Problem) -> bool:
        """Return whether a sample is judged where it cannot reach; computed once for a problem."""
        if problem.checker == "inputs":
            return True
        if self.settings.mode == "official" or problem.checker == "program":
            return False
        find = self._ds1000_works_outside if problem.checker == "ds1000" else self._tests_work_outside
        return self._references.remember(problem, "outside", lambda: find(problem))

    def _result(self, problem: Problem, completion: str, outside: bool) -> str:
        """Return a verdict's `result`.

        Raises:
            AssertionError, Raised, Died, TimedOut: the completion does not pass.
        """
        timeout_s, memory_mb = self.settings.timeout_s, self.settings.memory_mb
        if problem.checker == "program":
            sandbox = self._sandbox(problem.language, lambda: toolchains.toolchain_environment(problem.language))
            return multipl_e.judge_completion(sandbox, problem, completion, timeout_s, memory_mb).result
        if problem.checker == "ds1000":
            mode: JudgeMode = "strict" if outside else "official"
            return self._ds1000.verdict(problem, completion, mode, timeout_s, memory_mb, outside=outside).result
        if problem.checker == "inputs":
            self._compare_outputs(problem, completion)
        elif outside:
            self._run_tests(problem, completion)
        else:
            with self._sample(problem, completion, "run") as sample:
                sample.load(official_program(problem, completion))
                sample.done()
        return "passed"

    def _run_tests(self, problem: Problem, completion: str) -> None:
        with self._sample(problem, completion, "calls") as sample:
            sample.load(f"{problem.prefix}{completion}\n")
            sample.ready()
            run_tests(problem, sample)

    def _compare_outputs(self, problem: Problem, completion: str) -> None:
        """Compare a completion's outputs with the reference's (HumanEval+, MBPP+)."""
        inputs = problem.base_inputs + problem.plus_inputs
        reference = self._reference(problem)
        comparator = OutputComparator(problem)
        extra_s = _REFERENCE_FACTOR * reference["seconds"]
        with self._sample(problem, completion, "calls", self.settings.timeout_s + extra_s) as sample:
            sample.load(f"{problem.prefix}{completion}\n", self._input_calls(problem))
            sample.ready()
            for arguments, expected in zip(inputs, reference["outputs"], strict=True):
                output = sample.returned_data()
                if output != expected and not comparator.equal(arguments, _decoded(expected), _decoded(output)):
                    raise AssertionError(f"wrong output for {_short(arguments)}")

    def _reference(self, problem: Problem) -> dict[str, Any]:
        """Return the reference's outputs, encoded, and its seconds."""

        def compute() -> dict[str, Any]:
            try:
                return self._run_reference(problem)
            except (Raised, Died, TimedOut) as exc:
                raise StageError(f"{problem.task_id}: its own reference solution fails here: {_failure(exc)}") from exc

        def load() -> dict[str, Any]:
            found = self._references.load_or_compute(problem, "reference", compute)
            return found | {"outputs": [text.encode() for text in found["outputs"]]}

        return self._references.remember(problem, "reference", load)

    def _run_reference(self, problem: Problem) -> dict[str, Any]:
        calls = self._input_calls(problem)
        with self._sample(problem, problem.canonical_solution, "calls", _REFERENCE_S) as sample:
            sample.load(f"{problem.prefix}{problem.canonical_solution}\n", calls)
            sample.ready()
            start = time.perf_counter()
            outputs = [sample.returned_data().decode() for _ in calls]
            return {"outputs": outputs, "seconds": time.perf_counter() - start}

    def _tests_work_outside(self, problem: Problem) -> bool:
        """Return whether the reference passes outside; if not, the tests need the program's own objects."""
        if (kept := self._references.load(problem, "outside")) is not None:
            return bool(kept["is"])
        try:
            self._run_tests(problem, problem.canonical_solution)
        except (Raised, AssertionError):
            self._references.save(problem, "outside", {"is": False})
            return False
        except (TimedOut, Died):  # this says nothing about the tests, and is not kept
            return True
        self._references.save(problem, "outside", {"is": True})
        return True

    def _ds1000_works_outside(self, problem: Problem) -> bool:
        found = self._references.load_or_compute(
            problem, "outside", lambda: {"is": self._ds1000.judged_outside(problem)}
        )
        return bool(found["is"])

    def _input_calls(self, problem: Problem) -> list[bytes]:
        def encode() -> list[bytes]:
            inputs = problem.base_inputs + problem.plus_inputs
            return [encoded_call(problem.entry_point, arguments, {}) for arguments in inputs]

        return self._references.remember(problem, "inputs", encode)

    @contextlib.contextmanager
    def _sample(
        self, problem: Problem, completion: str, kind: Literal["calls", "run"], timeout_s: float | None = None
    ) -> Iterator[RunningSample]:
        timeout_s = self.settings.timeout_s if timeout_s is None else timeout_s
        needs_numpy = "numpy" in completion or "numpy" in problem.prefix or "numpy" in problem.test
        sandbox = self._sandbox("numpy", numpy_environment) if needs_numpy else self._sandbox("plain", Environment)
        memory_mb = self.settings.memory_mb
        limits = Limits(timeout_s, memory_mb, memory_mb, processes=32, file_mb=64, scratch_mb=64)
        with sandbox.sample(kind, limits) as sample:
            yield sample


def _decoded(data: bytes) -> Any:
    try:
        return wire.loads(data)
    except ValueError as exc:
        raise Died(printable(str(exc))) from exc


def _failure(exc: BaseException) -> str:
    text = printable("timed out" if isinstance(exc, TimedOut) else error_text(exc))
    if isinstance(exc, AssertionError):
        return f"AssertionError: {text}" if text else "AssertionError"
    return text


def _short(arguments: object) -> str:
    text = repr(arguments)
    return text if len(text) <= 120 else f"{text[:117]}..."
