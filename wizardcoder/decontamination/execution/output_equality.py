"""Compares the outputs of two functions by value.

In: returned values, as text of the sandbox's wire format. Out: equal or not. This is looser than the benchmarks' own
checkers: a solution that returns a tuple instead of a list still reveals the solution.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, KeysView, ValuesView
from typing import Any

from wizardcoder.sandbox import wire

_TOLERANCE = 1e-6  # of floats, absolute and relative


def outputs_equal(expected: str, output: str | None) -> bool:
    """Whether two encoded outputs are equal: floats within 1e-6; lists, tuples and iterators by their items.

    An object of a program's own class equals nothing, because the wire format does not contain its value.
    """
    if output is None:
        return False
    if output == expected and wire.OBJECT not in output:
        return True
    try:
        return _values_equal(_to_lists(wire.loads(expected.encode())), _to_lists(wire.loads(output.encode())))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return False


def _to_lists(value: Any) -> Any:
    if isinstance(value, list | tuple | deque | KeysView | ValuesView | Iterator):
        return [_to_lists(item) for item in value]
    if isinstance(value, dict):
        return {key: _to_lists(item) for key, item in value.items()}
    return value


def _values_equal(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_values_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_values_equal(item, other[key]) for key, item in one.items())
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, int | float) and isinstance(other, int | float)
        return numbers and math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(one == other)
