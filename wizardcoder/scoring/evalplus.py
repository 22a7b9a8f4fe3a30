"""Compare a sample's outputs with the reference's as evalplus 0.3.1 does (Apache-2.0), for HumanEval+ and MBPP+.

In: a problem, inputs, the reference's outputs and the sample's, as plain values. Out: equal or not. Runs outside the
sandbox on decoded values. Source of the rules and oracles: evalplus/eval/__init__.py and _special_oracle.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from wizardcoder.benchmarks.problem import Problem

_AS_SETS = {  # order and repetition do not matter
    *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum"),
    *("intersection_array", "find_dissimilar", "Diff"),
}
_AS_FOUND = {
    "check_str",
    "text_match_three",
    "text_starta_endb",
}  # a match object or True means found, None or False not found
_FLOAT_ATOL = 1e-6
_RTOL = 1e-7


class OutputComparator:
    """Compares a sample's outputs one after the other, in the order of the inputs.

    After the first expected float, the tolerance for floats applies to all later outputs, as in evalplus.
    """

    def __init__(self, problem: Problem) -> None:
        self._entry_point = problem.entry_point
        self._mbpp = problem.task_id.startswith("Mbpp/")
        self._atol = problem.atol

    def equal(self, arguments: Sequence[Any], expected: Any, output: Any) -> bool:
        """Return whether an output is right; False also if the comparison itself fails."""
        try:
            return self._equal(arguments, expected, output)
        except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError, MemoryError):
            return False

    def _equal(self, arguments: Sequence[Any], expected: Any, output: Any) -> bool:
        if not self._mbpp and self._entry_point == "find_zero":
            return bool(abs(sum(c * math.pow(output, i) for i, c in enumerate(arguments[0]))) <= self._atol)
        same = bool(output == expected) if not self._mbpp else self._same_in_mbpp(arguments, expected, output)
        if self._atol == 0 and _is_float(expected):
            self._atol = _FLOAT_ATOL
        if same or self._atol == 0:
            return same
        import numpy as np

        return (
            type(output) is type(expected)
            and np.shape(output) == np.shape(expected)  # evalplus compares only lengths, and numpy broadcasts
            and bool(np.allclose(output, expected, rtol=_RTOL, atol=self._atol))
        )

    def _same_in_mbpp(self, arguments: Sequence[Any], expected: Any, output: Any) -> bool:
        name = self._entry_point
        if name in _AS_SETS:
            return bool(set(output) == set(expected))
        if name in _AS_FOUND:
            found = expected if isinstance(expected, bool) else expected is not None
            return bool(found == (output if isinstance(output, bool) else output is not None))
        if output == expected or name == "are_equivalent":
            return True
        if name == "sum_div":
            return bool(output == 0)
        if name == "surface_Area":
            return bool(abs(output - _surface_area(*arguments)) <= self._atol)
        if name == "digit_distance_nums":
            return bool(output == _digit_distance(*arguments))
        return False


def _is_float(value: Any) -> bool:
    if isinstance(value, list | tuple) and value:
        return all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _surface_area(base_edge: float, height: float) -> int:
    """Return a square pyramid's surface; its height is measured from base to apex."""
    slant = math.sqrt((base_edge / 2) ** 2 + height**2)
    return round(base_edge**2 + 2 * base_edge * slant)


def _digit_distance(first: int, second: int) -> int:
    """Return the sum of the differences between digits at the same place; the shorter number is padded with zeros."""
    digits = [str(first), str(second)]
    width = max(map(len, digits))
    one, other = (text.zfill(width) for text in digits)
    return sum(abs(int(a) - int(b)) for a, b in zip(one, other, strict=True))
