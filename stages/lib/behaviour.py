"""What functions do: of a problem's reference, and of a training sample's code, which may solve the problem.

In: problems; code. Out: the problems whose reference a function of the code equals, on the calls of the problem's tests
and on variations of them. All of it runs in the sandbox. This finds a solution under any name and in any wording; it
says nothing about code that is wrong, that is not Python, or that defines no function.
"""

from __future__ import annotations

import ast
import contextlib
import math
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from stages.lib import call_inputs, probe, values
from stages.lib.call_inputs import Arguments
from stages.lib.jail import Limits
from stages.lib.outputs import equal
from stages.lib.problem import Problem
from stages.lib.sandbox import Died, Raised, Sandbox, TimedOut, World, numpy_world

VARIATIONS = 40  # of a problem's calls
_REFERENCE_SHARE = 0.5  # of a call's time, for the reference: a copy of it must not run out of time by chance
_LEAST_OTHER = 3  # outputs that no trivial function meets: fewer are met by chance
_BEHIND = 1e6
_TESTED = ("check", "asserts", "inputs")  # the checkers whose problems are functions


@dataclass(frozen=True, slots=True)
class Rules:
    """How code is called, and when two functions are taken as equal."""

    min_agreement: float  # of the outputs that no trivial function meets: a constant, or an argument given back
    call_s: float
    timeout_s: float
    memory_mb: int
    allow_unsafe: bool = False


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a problem's reference does: `outputs[i]`, tagged text, is what it returns for `calls[i]`.

    The first `tested` calls are those of the problem's own tests; a trivial function meets `trivial` of all.
    """

    calls: list[Arguments]
    outputs: list[str]
    tested: int
    trivial: int


@dataclass(frozen=True, slots=True)
class Program:
    """Code that defines functions, and how many arguments they may take."""

    text: str
    widths: frozenset[int]


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
class _Form:
    """One way to call a function of a problem's task; `first` is the call that is tried before the others."""

    number: int  # the behaviour's
    calls: list[Arguments]
    first: int


class Book:
    """Behaviours, by number, and the forms in which functions are tried against them."""

    def __init__(self, behaviours: Sequence[Behaviour | None]) -> None:
        self.behaviours = behaviours
        self._forms: dict[int, list[_Form]] = defaultdict(list)
        for number, behaviour in enumerate(behaviours):
            if behaviour is not None:
                for form in _forms(number, behaviour):
                    self._forms[len(form.calls[form.first])].append(form)
        for forms in self._forms.values():
            forms.sort(key=lambda form: _size(form.calls[form.first]))

    def forms(self, widths: Iterable[int]) -> list[_Form]:
        """Give the forms with so many arguments, those with small ones first."""
        return [form for width in widths for form in self._forms.get(width, [])]

    def output(self, form: _Form, place: int) -> str:
        """Give what is expected of a form's call."""
        behaviour = self.behaviours[form.number]
        assert behaviour is not None, "it has forms"
        return behaviour.outputs[place]


class Prober:
    """Runs code; owns its sandboxes, made when first needed. Not for two threads at once."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._exit = contextlib.ExitStack()
        self._sandboxes: dict[str, Sandbox] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    def behaviour(self, problem: Problem) -> Behaviour | None:
        """Give what a problem's reference does; None where its tests show no calls, or too few to tell it by.

        Raises:
            SandboxError: the sandbox failed, or cannot be had on this machine.
        """
        if problem.checker not in _TESTED or not (tests := call_inputs.calls_of_tests(problem)):
            return None
        calls = [*tests, *call_inputs.varied_calls(problem, tests, VARIATIONS)]
        order = sorted(range(len(calls)), key=lambda place: _size(calls[place]))
        told = self._answers(
            problem.prefix + problem.canonical_solution,
            [calls[place] for place in order],
            self.rules.call_s * _REFERENCE_SHARE,
        )
        found = dict(zip(order, (told or {}).get(problem.entry_point, []), strict=False))
        known = [place for place in range(len(calls)) if found.get(place) is not None]
        tested = sum(place < len(tests) for place in known)
        if not tested:
            return None
        called, outputs = [calls[place] for place in known], [str(found[place]) for place in known]
        trivial = _met_by_trivial(called, outputs)
        return Behaviour(called, outputs, tested, trivial) if len(outputs) - trivial >= _LEAST_OTHER else None

    def solved(self, book: Book, program: Program) -> dict[int, Solved] | None:
        """Give by number the behaviours that a function of the program has; None where it ran out of its limits.

        Raises:
            SandboxError: as `behaviour`.
        """
        code, forms = program.text, book.forms(sorted(program.widths))
        if not forms:
            return {}
        told = self._answers(code, [form.calls[form.first] for form in forms], self.rules.call_s)
        if told is None:
            return None
        found: dict[int, Solved] = {}
        for name, answers in told.items():
            likely = [
                form
                for form, answer in zip(forms, answers, strict=True)
                if form.number not in found and equal(book.output(form, form.first), answer)
            ]
            if likely:
                found |= self._confirmed(book, code, name, likely)
        return found

    def _confirmed(self, book: Book, code: str, name: str, forms: Sequence[_Form]) -> dict[int, Solved]:
        """Call the function with all calls of the forms whose first it answered as expected."""
        places = [(form, place) for form in forms for place in range(len(form.calls))]
        places.sort(key=lambda item: _size(item[0].calls[item[1]]))
        told = self._answers(code, [form.calls[place] for form, place in places], self.rules.call_s)
        met: dict[int, set[int]] = defaultdict(set)
        for (form, place), answer in zip(places, (told or {}).get(name, []), strict=False):
            if equal(book.output(form, place), answer):
                met[id(form)].add(place)
        found: dict[int, Solved] = {}
        for form in forms:
            behaviour = book.behaviours[form.number]
            assert behaviour is not None, "it has forms"
            if _agrees(behaviour, met[id(form)], self.rules.min_agreement):
                others = len(behaviour.calls) - behaviour.tested
                solved = Solved(name, behaviour.tested, len(met[id(form)]) - behaviour.tested, others)
                found.setdefault(form.number, solved)
        return found

    def _answers(self, code: str, calls: list[Arguments], call_s: float) -> dict[str, list[str | None]] | None:
        rules = self.rules
        sandbox = self._sandbox("numpy", numpy_world) if "numpy" in code else self._sandbox("plain", World)
        limits = Limits(math.ceil(rules.timeout_s) + 1, rules.memory_mb, processes=32, file_mb=16, scratch_mb=16)
        with sandbox.sample("calls", limits, rules.timeout_s, rules.memory_mb) as sample:
            try:
                sample.load(f"import sys\nanswers = sys.modules[{probe.__name__!r}].answers\n")
                sample.ready()
                return _checked(sample.call("answers", [code, calls, call_s]), len(calls))
            except (TimedOut, Died, Raised):
                return None

    def _sandbox(self, name: str, world: Callable[[], World]) -> Sandbox:
        if name not in self._sandboxes:
            made = world()
            made = replace(made, preload=(*made.preload, probe.__name__))
            self._sandboxes[name] = self._exit.enter_context(Sandbox(made, self.rules.allow_unsafe))
        return self._sandboxes[name]


def program_of(code: str) -> Program | None:
    """Give the program that code is; None where it defines no function or is no Python. Nothing of it is run."""
    try:
        with warnings.catch_warnings():  # about what the code's author wrote
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    widths: set[int] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef):
            widths |= _taken(statement.args, 0)
        elif isinstance(statement, ast.ClassDef):
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef):
                    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in inner.decorator_list)
                    widths |= _taken(inner.args, 0 if static else 1)
    return Program(code, frozenset(widths)) if widths else None


def _agrees(behaviour: Behaviour, met: set[int], least: float) -> bool:
    """Whether all calls of tests were met, and enough of all calls beyond those that a trivial function meets."""
    beyond = (len(met) - behaviour.trivial) / (len(behaviour.outputs) - behaviour.trivial)
    return met >= set(range(behaviour.tested)) and beyond >= least


def _met_by_trivial(calls: Sequence[Arguments], outputs: Sequence[str]) -> int:
    """Count the outputs that a constant meets at most, or a function that gives one of its arguments back."""
    most = Counter(outputs).most_common(1)[0][1]
    for place in range(min(map(len, calls))):
        given = (values.dumps(arguments[place]).decode() for arguments in calls)
        most = max(most, sum(map(equal, outputs, given)))
    return most


def _forms(number: int, behaviour: Behaviour) -> list[_Form]:
    common = Counter(behaviour.outputs).most_common(1)[0][0]
    telling = [place for place in range(behaviour.tested) if behaviour.outputs[place] != common]
    first = min(telling or range(behaviour.tested), key=lambda place: _size(behaviour.calls[place]))
    return [
        _Form(number, [pick(list(call)) for call in behaviour.calls], first)
        for pick in call_inputs.forms(behaviour.calls)
    ]


def _size(arguments: Arguments) -> float:
    """Measure by what a call's time may grow: numbers by their value, all else by its length."""
    return sum(_magnitude(value) if isinstance(value, int | float) else len(repr(value)) for value in arguments)


def _magnitude(number: float) -> float:
    """Measure a number; negative ones come behind the others, since many loops that count down never end on them."""
    return number if number >= 0 else _BEHIND - number


def _taken(arguments: ast.arguments, bound: int) -> set[int]:
    most = len(arguments.posonlyargs) + len(arguments.args) - bound
    least = most - len(arguments.defaults)
    return set(range(max(least, 0), (least + 6 if arguments.vararg else most) + 1))


def _checked(told: Any, count: int) -> dict[str, list[str | None]]:
    """Give what a sample answered; raises Died where it is not what `probe.answers` returns."""
    if not isinstance(told, dict) or not all(
        isinstance(name, str)
        and isinstance(answers, list)
        and len(answers) == count
        and all(answer is None or isinstance(answer, str) for answer in answers)
        for name, answers in told.items()
    ):
        raise Died("answered what no honest program sends")
    return told
