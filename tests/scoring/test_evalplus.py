"""Outputs are compared as evalplus 0.3.1 does: exactly, within a tolerance, or by a task's own oracle."""

from __future__ import annotations

import math

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.sandbox.wire import Opaque
from wizardcoder.scoring.evalplus import OutputComparator


def of_humaneval(entry_point="f", atol=0.0):
    return OutputComparator(Problem("HumanEval/0", "", "", entry_point, checker="inputs", atol=atol))


def of_mbpp(entry_point="f", atol=0.0):
    return OutputComparator(Problem("Mbpp/2", "", "", entry_point, checker="inputs", atol=atol))


@pytest.mark.parametrize(
    ("expected", "output", "equal"),
    [
        (3, 3, True),
        (3, 4, False),
        (3, "3", False),
        (1, True, True),
        (3, 3.0, True),
        ([1, 2], [1, 2], True),
        ([1, 2], (1, 2), False),
        ([1, 2], [2, 1], False),
        ([], [], True),
        ([], [0], False),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        (None, None, True),
        (None, 0, False),
        ("", None, False),
        (3, Opaque("Answer"), False),
    ],
)
def test_without_a_tolerance_and_without_floats_values_must_be_equal(expected, output, equal):
    assert of_humaneval().equal([], expected, output) is equal
    assert of_mbpp().equal([], expected, output) is equal


@pytest.mark.parametrize(
    ("expected", "output", "equal"),
    [
        (1.0, 1.0 + 0.9e-6, True),
        (1.0, 1.0 + 1.2e-6, False),
        (0.0, 0.9e-6, True),
        (1e9, 1e9 + 99, True),  # a relative 1e-7 is 100
        (1e9, 1e9 + 101, False),
        (1.0, 1, True),  # equal, so its type is not looked at
        (1.5, 1, False),
        (0.0000001, 0, False),  # within the tolerance, but no float
        ([0.1, 0.2], [0.1, 0.2000001], True),
        ([0.1, 0.2], [0.1, 0.21], False),
        ([0.1, 0.2], (0.1, 0.2000001), False),
        ((0.1, 0.2), (0.1, 0.2000001), True),
        ([0.1, 0.1], [0.1], False),
        ([0.1, 2], [0.1, 2.0000001], False),  # not all floats: exact
        (math.inf, math.inf, True),
        (math.nan, math.nan, False),
        (1.0, math.nan, False),
        (1.0, None, False),
        ([0.1, 0.2], [0.1, "0.2"], False),
        ([0.1, 0.2], [0.1, None], False),
    ],
)
def test_where_floats_are_expected_a_millionth_and_a_relative_1e_7_are_allowed(expected, output, equal):
    assert of_humaneval().equal([], expected, output) is equal
    assert of_mbpp().equal([], expected, output) is equal


def test_a_problems_own_tolerance_takes_the_place_of_a_millionth():
    assert of_humaneval(atol=0.01).equal([], 1.0, 1.009)
    assert not of_humaneval(atol=0.01).equal([], 1.0, 1.011)


def test_a_problems_own_tolerance_also_holds_for_whole_numbers_of_the_same_type():
    assert of_humaneval(atol=1.0).equal([], 10, 11)
    assert not of_humaneval(atol=1.0).equal([], 10, 11.0)


def test_once_a_float_was_expected_its_tolerance_holds_for_what_follows():
    mixed = ([1.0, "a"], [1.0 + 1e-7, "a"])
    assert not of_humaneval().equal([], [2, 1.5], [2, 1.5 + 1e-7])
    comparison = of_humaneval()
    assert comparison.equal([], 1.5, 1.5)
    assert comparison.equal([], [2, 1.5], [2, 1.5 + 1e-7])
    assert not comparison.equal([], *mixed)  # what is no number still fails


@pytest.mark.parametrize("output", [[[]], [[1.0, 1.0]], [[[1.0]]]])
def test_another_shape_is_no_match_though_numpy_would_broadcast_it(output):
    assert not of_humaneval().equal([], [1.0], output)


@pytest.mark.parametrize("output", [{1.5: 2.5}, b"1.5", Opaque("float"), [Opaque("float")]])
def test_an_output_that_cannot_be_compared_is_wrong_and_raises_nothing(output):
    assert of_humaneval().equal([], [1.5], output) is False
    assert of_mbpp().equal([], [1.5], output) is False


def test_the_zero_of_a_polynomial_is_any_point_near_one():
    comparison = of_humaneval("find_zero", atol=1e-4)
    coefficients = [[-6.0, 11.0, -6.0, 1.0]]  # (x - 1) (x - 2) (x - 3)
    assert comparison.equal(coefficients, 1.0, 3.0)
    assert comparison.equal(coefficients, 1.0, 2.00001)
    assert not comparison.equal(coefficients, 1.0, 2.001)
    assert not comparison.equal(coefficients, 1.0, math.nan)
    assert not comparison.equal(coefficients, 1.0, None)
    assert not comparison.equal(coefficients, 1.0, 1e200)  # too large to compute


def test_only_humaneval_has_the_zero_of_a_polynomial():
    assert not of_mbpp("find_zero", atol=1e-4).equal([[-1.0, 0.0, 1.0]], 1.0, -1.0)


@pytest.mark.parametrize(
    "entry_point",
    [
        *("similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum"),
        *("intersection_array", "find_dissimilar", "Diff"),
    ],
)
def test_where_mbpp_asks_for_a_set_neither_order_nor_repetition_counts(entry_point):
    assert of_mbpp(entry_point).equal([], [1, 2, 3], (3, 1, 2, 2))
    assert not of_mbpp(entry_point).equal([], [1, 2, 3], [1, 2])
    assert not of_mbpp(entry_point).equal([], [1, 2, 3], None)
    assert not of_humaneval(entry_point).equal([], [1, 2, 3], [3, 1, 2])


@pytest.mark.parametrize("entry_point", ["check_str", "text_match_three", "text_starta_endb"])
def test_where_mbpp_asks_for_a_match_a_match_object_counts_as_true_and_none_as_false(entry_point):
    match = Opaque("Match")
    for expected in (True, match):
        assert of_mbpp(entry_point).equal([], expected, match)
        assert of_mbpp(entry_point).equal([], expected, True)
        assert of_mbpp(entry_point).equal([], expected, "Found a match!")
        assert not of_mbpp(entry_point).equal([], expected, None)
        assert not of_mbpp(entry_point).equal([], expected, False)
    for expected in (False, None):
        assert of_mbpp(entry_point).equal([], expected, None)
        assert of_mbpp(entry_point).equal([], expected, False)
        assert not of_mbpp(entry_point).equal([], expected, match)
        assert not of_mbpp(entry_point).equal([], expected, True)


def test_any_output_is_right_where_mbpp_asks_for_sums_of_divisors_to_be_equal():
    assert of_mbpp("are_equivalent").equal([36, 57], False, True)
    assert not of_humaneval("are_equivalent").equal([36, 57], False, True)


def test_a_sum_of_divisors_may_be_zero():
    assert of_mbpp("sum_div").equal([8], 7, 7)
    assert of_mbpp("sum_div").equal([8], 7, 0)
    assert not of_mbpp("sum_div").equal([8], 7, 1)
    assert not of_humaneval("sum_div").equal([8], 7, 0)


@pytest.mark.parametrize(("output", "equal"), [(33, True), (35, True), (34, False), (None, False)])
def test_a_pyramids_height_may_be_the_one_from_base_to_apex(output, equal):
    # base 3, height 4: 9 + 2 * 3 * 4 = 33 where 4 is the slant height, else 9 + 2 * 3 * sqrt(1.5 ** 2 + 4 ** 2) = 34.6
    assert of_mbpp("surface_Area").equal([3, 4], 33, output) is equal


@pytest.mark.parametrize(("output", "equal"), [(10, True), (5, True), (6, False), (None, False)])
def test_the_distance_of_digits_may_fill_the_shorter_number_up_with_zeros(output, equal):
    # 123 - 5 = 118, whose digits give 10; 123 and 005 differ by 1 + 2 + 2
    assert of_mbpp("digit_distance_nums").equal([5, 123], 10, output) is equal


def test_an_output_for_which_there_is_no_memory_is_wrong(monkeypatch):
    def refuse(_):
        raise MemoryError

    comparison = of_humaneval(atol=1e-6)
    assert comparison.equal([1], [0.5], [0.5 + 1e-9])
    monkeypatch.setattr("numpy.shape", refuse)
    assert not comparison.equal([1], [0.5], [0.5 + 1e-9])
