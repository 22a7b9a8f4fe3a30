"""Outputs are compared by value."""

from __future__ import annotations

from collections import deque

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.output_equality import outputs_equal
from wizardcoder.sandbox.wire import dumps


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ([1, 2], (1, 2), True),
        ([1, (2, 3)], iter([1, [2, 3]]), True),
        (0.1 + 0.2, 0.3, True),
        (1, 1.0, True),
        (1, 2.0, False),
        (True, 1, True),
        ({1: [0.5]}, {1: (0.5000000001,)}, True),
        ({1}, [1], False),
        ("a", ["a"], False),
        (None, None, True),
        (10**400, 0.5, False),
        (1.0, 1.001, False),
        ([1, 2], deque([1, 2]), True),
        ([1], {1: 2}.keys(), True),
        ({"o": 1}, {"o": 1}, True),
        ({"o": 1}, {"o": 2}, False),
        ('["o",', '["o",', True),
    ],
)
def test_outputs_are_compared_by_value(one, other, equal):
    assert outputs_equal(dumps(one).decode(), dumps(other).decode()) is equal
    assert not outputs_equal(dumps(one).decode(), None)


def test_objects_of_own_classes_are_never_equal():
    encoded = dumps(Problem("T/8", "", "")).decode()
    assert encoded == '["o","Problem"]'
    assert not outputs_equal(encoded, encoded)
