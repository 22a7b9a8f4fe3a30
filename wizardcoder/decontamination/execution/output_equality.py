"""Whether two functions returned the same, by value.

In: returned values as tagged text (values.py). Out: alike or not. Looser than the benchmarks' own checkers, which say
whether a completion passes: here a solution that returns a tuple for a list is a solution.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, KeysView, ValuesView
from typing import Any

from wizardcoder.sandbox import wire as values

_TOLERANCE = 1e-6  # of floats, absolute and relative


def equal(expected: str, answer: str | None) -> bool:
    """Whether two outputs, tagged text, are alike: floats nearly, lists, tuples and iterators by their items."""
    if answer is None:
        return False
    if answer == expected and values.OBJECT not in answer:  # an object of a class of its own can't be told by value
        return True
    try:
        return _alike(_loosened(values.loads(expected.encode())), _loosened(values.loads(answer.encode())))
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return False


def _loosened(value: Any) -> Any:
    if isinstance(value, list | tuple | deque | KeysView | ValuesView | Iterator):
        return [_loosened(item) for item in value]
    if isinstance(value, dict):
        return {key: _loosened(item) for key, item in value.items()}
    return value


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(item, other[key]) for key, item in one.items())
    if isinstance(one, float) or isinstance(other, float):
        numbers = isinstance(one, int | float) and isinstance(other, int | float)
        return numbers and math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
    return bool(one == other)
