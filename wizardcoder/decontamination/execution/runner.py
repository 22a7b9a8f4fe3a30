"""Runs references and training samples' code in the sandbox, to find which code solves which problem.

In: problems; code. Out: the problems whose reference a function of the code equals, on the calls of the problem's tests
and on variations of them. This finds a solution under any name and in any wording; it says nothing about code that is
wrong, that is not Python, or that defines no function.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution import benchmark_calls, runner_guest
from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.decontamination.execution.output_equality import equal
from wizardcoder.decontamination.execution.reference_outputs import Agreement, Behaviour, Book, Form, size
from wizardcoder.sandbox.host import Died, Raised, Sandbox, Sandboxes, TimedOut, World, numpy_world, with_module
from wizardcoder.sandbox.walls import Limits

VARIATIONS = 40  # of a problem's calls
_DRAWN = 120  # variations of which these are chosen
_FIRST_SHARE = 0.6  # of a call's time, for the first call of each form, which is small
_REFERENCE_SHARE = 0.5  # of a call's time, for the reference: a copy of it must not run out of time by chance
_TESTED = ("check", "asserts", "inputs")  # the checkers whose problems are functions
_FEW = 16  # calls that are given up together where one of them ends the program
_MOST_OF_A_STAR = 6  # arguments
_MOST_TIMEOUTS = 5  # of a program; then nothing more of it is tried


@dataclass(frozen=True, slots=True)
class Rules:
    """How code is called, and when two functions are taken as equal."""

    agreement: Agreement
    call_s: float
    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """Code that defines functions, at most so many of them, and how many arguments they may take."""

    text: str
    widths: frozenset[int]
    functions: int


@dataclass(frozen=True, slots=True)
class Solved:
    """How a function met a behaviour: the function's name, the calls of tests, and how many of the others it met."""

    function: str
    tested: int
    agreed: int
    others: int

    def __str__(self) -> str:
        return (
            f"{self.function} returns what the tests expect ({self.tested} calls) "
            f"and agrees with the reference on {self.agreed} of {self.others} others"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """The behaviours that a program's functions have, by number; not complete where it ran out of the limits."""

    solved: Mapping[int, Solved]
    complete: bool


class Prober(Sandboxes):
    """Runs code. Not for two threads at once."""

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules.allow_unsafe)
        self.rules = rules
        self._timeouts = 0  # of the program that is tried

    def behaviour(self, problem: Problem) -> Behaviour | None:
        """Give what a problem's reference does; None where its tests show no calls, or too few to tell it by.

        Raises:
            Died: the reference ran out of the sandbox's limits.
            SandboxError: the sandbox failed, or cannot be had on this machine.
        """
        if problem.checker not in _TESTED:
            return None
        tests = benchmark_calls.calls_of_tests(problem) or self._calls_made(problem)
        if not tests:
            return None
        calls = [*tests, *benchmark_calls.varied_calls(problem, tests, _DRAWN)]
        outputs = self._reference(problem, calls)
        tested = {place: output for place, output in enumerate(outputs[: len(tests)]) if output is not None}
        others = {place: output for place, output in enumerate(outputs) if place >= len(tests) and output is not None}
        chosen = tested | {place: others[place] for place in _balanced(others)[:VARIATIONS]}
        return Behaviour.of([calls[place] for place in chosen], list(chosen.values()), len(tested))

    def _calls_made(self, problem: Problem) -> list[Arguments]:
        """Give the calls of tests that build their arguments, by running them."""
        code = problem.prefix + problem.canonical_solution
        test = f"{problem.setup}\n{problem.test}\n"
        if problem.checker == "check":
            test += f"check({problem.entry_point})\n"
        try:
            return benchmark_calls.distinct(self._probed("recorded", [code, problem.entry_point, test], code))
        except TimedOut:
            raise Died(f"{problem.task_id}: the tests ran out of the sandbox's limits") from None
        except (Died, Raised):
            return []

    def _reference(self, problem: Problem, calls: list[Arguments]) -> list[str | None]:
        """Give what the reference returns; None where it returns nothing, or not the same in two zygotes.

        There the same strings have different hashes: what depends on these is no output to compare.
        """
        code, name = problem.prefix + problem.canonical_solution, problem.entry_point
        both, self._timeouts = [], 0
        for twin in (False, True):
            told = self._answers(code, calls, self.rules.call_s * _REFERENCE_SHARE, name, twin=twin)
            if told is None:
                raise Died(f"{problem.task_id}: the reference ran out of the sandbox's limits")
            both.append(told.get(name, [None] * len(calls)))
        return [one if one == other else None for one, other in zip(*both, strict=True)]

    def solved(self, book: Book, program: Program) -> Found:
        """Give the behaviours that a function of the program has.

        Raises:
            SandboxError: as `behaviour`.
        """
        found: dict[int, Solved] = {}
        complete, self._timeouts = True, 0
        for width in sorted(program.widths):
            for first in range(0, program.functions, runner_guest.MOST_FUNCTIONS):
                for name, form in self._likely(program, first, book.forms(width)):
                    if name is None:
                        complete = False
                    elif form.number not in found:
                        met = self._met(program, name, form)
                        complete = complete and met is not None
                        if met is not None and form.behaviour.has(met, self.rules.agreement):
                            tested = form.behaviour.tested
                            found[form.number] = Solved(name, tested, len(met) - tested, len(form.calls) - tested)
        return Found(found, complete)

    def _likely(self, program: Program, first: int, forms: Sequence[Form]) -> Iterator[tuple[str | None, Form]]:
        """Yield (function, form) where a form's first call is answered as expected; no function where none answered.

        One call may end the program, such as one that multiplies a text where numbers are meant: then each half of the
        calls is tried for itself, down to a few.
        """
        firsts = [form.calls[form.first] for form in forms]
        told = self._answers(program.text, firsts, self.rules.call_s * _FIRST_SHARE, first=first)
        if told is None:
            half = len(forms) // 2
            if half < _FEW or self._timeouts >= _MOST_TIMEOUTS:
                yield None, forms[0]
            else:
                yield from self._likely(program, first, forms[:half])
                yield from self._likely(program, first, forms[half:])
            return
        for name, answers in told.items():
            for form, answer in zip(forms, answers, strict=True):
                if equal(form.behaviour.outputs[form.first], answer):
                    yield name, form

    def _met(self, program: Program, name: str, form: Form) -> set[int] | None:
        """Call a function with all calls of a form; give the places of those that it answers as expected."""
        told = self._answers(program.text, form.calls, self.rules.call_s, name)
        if told is None:
            return None
        outputs = zip(form.behaviour.outputs, told.get(name, []), strict=False)
        return {place for place, (output, answer) in enumerate(outputs) if equal(output, answer)}

    def _answers(
        self,
        code: str,
        calls: list[Arguments],
        call_s: float,
        only: str | None = None,
        *,
        first: int = 0,
        twin: bool = False,
    ) -> dict[str, list[str | None]] | None:
        """Call the code's functions, those calls first that take little; None where they ran out of the limits."""
        if not calls:
            return {}
        if self._timeouts >= _MOST_TIMEOUTS:
            return None
        order = sorted(range(len(calls)), key=lambda place: size(calls[place]))
        try:
            told = self._probed("answers", [code, [calls[place] for place in order], call_s, only, first], code, twin)
            return _in_order(told, order)
        except TimedOut:
            self._timeouts += 1
            return None
        except (Died, Raised):
            return None

    def _probed(self, name: str, arguments: list[Any], code: str, twin: bool = False) -> Any:
        """Call a function of probe.py on code, in a sample of its own.

        Raises:
            TimedOut, Died, Raised: it ran out of the limits.
        """
        rules = self.rules
        limits = Limits(math.ceil(rules.timeout_s) + 1, rules.memory_mb, processes=32, file_mb=16, scratch_mb=16)
        sandbox = self._of("numpy", numpy_world, twin) if "numpy" in code else self._of("plain", World, twin)
        with sandbox.sample("calls", limits, rules.timeout_s, rules.memory_mb) as sample:
            sample.load(f"import sys\n{name} = sys.modules[{runner_guest.__name__!r}].{name}\n")
            sample.ready()
            return sample.call(name, arguments)

    def _of(self, name: str, world: Callable[[], World], twin: bool) -> Sandbox:
        return self._sandbox(f"{name} twin" if twin else name, lambda: with_module(world(), runner_guest.__name__))


def program_of(code: str) -> Program | None:
    """Give the program that code is; None where it defines no function. Nothing of it is run.

    Raises:
        SyntaxError: it is no Python.
    """
    try:
        with warnings.catch_warnings():  # about what the code's author wrote
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (ValueError, RecursionError, MemoryError) as exc:
        raise SyntaxError(str(exc)) from exc
    widths: set[int] = set()
    functions = 0
    for statement in runner_guest.definitions(tree.body):
        if isinstance(statement, ast.ClassDef):
            functions += len(runner_guest.methods(statement)) * (1 + runner_guest.takes_arguments(statement))
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef):  # __init__ too: an object may take the arguments
                    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in inner.decorator_list)
                    widths |= _taken(inner.args, 0 if static else 1)
        elif isinstance(statement, ast.FunctionDef):
            functions += 1
            widths |= _taken(statement.args, 0)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(statement.value, ast.Lambda):
            functions += 1
            widths |= _taken(statement.value.args, 0)
    return Program(code, frozenset(widths), functions) if widths else None


def _balanced(outputs: Mapping[int, str]) -> list[int]:
    """Give the places in an order in which each output comes up as early and as often as the others."""
    alike: dict[str, list[int]] = {}
    for place, output in outputs.items():
        alike.setdefault(output, []).append(place)
    rounds = zip_longest(*alike.values())
    return [place for places in rounds for place in places if place is not None]


def _taken(arguments: ast.arguments, bound: int) -> set[int]:
    most = len(arguments.posonlyargs) + len(arguments.args) - bound
    least = most - len(arguments.defaults)
    return set(range(max(least, 0), (least + _MOST_OF_A_STAR if arguments.vararg else most) + 1))


def _in_order(told: Any, order: list[int]) -> dict[str, list[str | None]]:
    """Give answers in the calls' own order; raises Died where they are not what `probe.answers` returns."""
    if not isinstance(told, dict) or not all(
        isinstance(name, str)
        and name.isprintable()
        and isinstance(answers, list)
        and len(answers) == len(order)
        and all(
            answer is None or (isinstance(answer, str) and len(answer) <= runner_guest.MAX_ANSWER) for answer in answers
        )
        for name, answers in told.items()
    ):
        raise Died("answered what no honest program sends")
    return {
        name: [answer for _, answer in sorted(zip(order, answers, strict=True), key=lambda item: item[0])]
        for name, answers in told.items()
    }
