"""The calls that a problem's tests make, read from the tests' source.

In: a problem. Out: argument lists. Only literal arguments are read; nothing is run. Does not cover: tests that compute
their arguments (`CodeRunner.record_calls` runs those); mutated arguments (call_variations.py).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.argument_invariants import Arguments
from wizardcoder.sandbox import wire

_MAX_CALL_BYTES = 2_000  # EvalPlus has calls of 100 kB, which are no more useful than short ones
_LARGE = 1e6  # a loop up to a larger number may run for seconds inside C code, where no timer interrupts it
_MAX_PERMUTED = 3  # arguments


def read_test_calls(problem: Problem) -> list[Arguments]:
    """Return the distinct argument lists with which a problem's tests call its function."""
    if problem.checker == "inputs":
        return select_usable(list(arguments) for arguments in problem.base_inputs)
    names = {problem.entry_point, "candidate"} if problem.checker == "check" else {problem.entry_point}
    try:
        tree = ast.parse(problem.test)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    calls = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    )
    return select_usable(found for call in calls if (found := _read_literals(call)))


def list_call_forms(calls: Sequence[Arguments]) -> list[Callable[[Arguments], Arguments]]:
    """Return the ways in which another function for the same task may take its arguments.

    Unchanged, in another order, or without integers, which are often only another argument's length.
    """
    width = len(calls[0])
    if width > _MAX_PERMUTED or any(len(arguments) != width for arguments in calls):
        return [list]
    numbers = [place for place in range(width) if all(type(arguments[place]) is int for arguments in calls)]
    left_out = [places for count in range(min(len(numbers), width - 1) + 1) for places in combinations(numbers, count)]
    orders = [o for places in left_out for o in permutations(place for place in range(width) if place not in places)]
    return [_make_picker(order) for order in orders]


def select_usable(calls: Iterable[Arguments]) -> list[Arguments]:
    """Return the distinct calls that can be sent to the sandbox, without large ones and those with large numbers."""
    found: dict[bytes, Arguments] = {}
    for arguments in calls:
        try:
            encoded = wire.dumps([[[arguments]]])  # nested as deeply as in a list of calls
        except ValueError:
            continue
        if len(encoded) <= _MAX_CALL_BYTES and not has_large_number(arguments):
            found.setdefault(encoded, arguments)
    return list(found.values())


def has_large_number(value: Any) -> bool:
    """Whether a value is or contains a number beyond 1e6, or NaN."""
    if isinstance(value, dict):
        return any(map(has_large_number, [*value, *value.values()]))
    if isinstance(value, list | tuple | set):
        return any(map(has_large_number, value))
    return isinstance(value, int | float) and not abs(value) <= _LARGE


def _make_picker(order: tuple[int, ...]) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [arguments[place] for place in order]


def _read_literals(call: ast.Call) -> Arguments | None:
    """Return a call's arguments if all are literals, else None."""
    if call.keywords:
        return None
    try:
        return [ast.literal_eval(argument) for argument in call.args]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
