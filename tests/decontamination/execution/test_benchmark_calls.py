"""The calls that a problem's tests make."""

from __future__ import annotations

from itertools import permutations

import pytest

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.benchmark_calls import list_call_forms, read_test_calls

CHECKED = """
def check(candidate):
    assert candidate([1, -2.5], "a") == 1
    assert candidate([], "b") is None, "candidate([7], 'c')"
    assert abs(candidate(data, "x")) < 1e-6
    assert candidate([1, -2.5], "a") == 1
    for n in range(3):
        assert candidate([n], key="d")
"""


def problem(test: str, **more) -> Problem:
    return Problem("T/1", "", "", "f", test, **more)


def test_the_calls_are_those_with_literal_arguments_each_once():
    assert read_test_calls(problem(CHECKED)) == [[[1, -2.5], "a"], [[], "b"]]


def test_calls_nested_in_other_expressions_of_an_assert_count():
    asserts = "assert sorted(f((1, 2))) == [1]\nassert g(3) == f({4: {5}})\nassert f(Node(1)) is None"
    assert sorted(read_test_calls(problem(asserts, checker="asserts")), key=repr) == [[(1, 2)], [{4: {5}}]]


def test_the_inputs_of_evalplus_are_the_calls_except_the_largest():
    own = problem("", checker="inputs", base_inputs=([1], ["x" * 5000]), plus_inputs=([2], [3], [2]))
    assert read_test_calls(own) == [[1]]


@pytest.mark.parametrize("number", ["1e999", "-1e7", "12345678", "9" * 400])
def test_calls_with_large_numbers_are_left_out(number):
    """A loop up to such a number runs for too long."""
    asserts = f"assert f(3) == 1\nassert f({number}) == 2\nassert f([2, [{number}]]) == 3"
    assert read_test_calls(problem(asserts, checker="asserts")) == [[3]]


@pytest.mark.parametrize("test", ["def check(:", "a\0b", "(" * 5000])
def test_tests_that_are_not_valid_python_show_no_calls(test):
    assert read_test_calls(problem(test)) == []


@pytest.mark.parametrize(
    ("calls", "found"),
    [
        ([["a"]], [["a"]]),
        ([["a", 7]], [["a", 7], [7, "a"], ["a"]]),
        (
            [["a", 7, 8]],
            [*map(list, permutations(["a", 7, 8])), ["a", 8], [8, "a"], ["a", 7], [7, "a"], ["a"]],
        ),
        ([[True, "a"]], [[True, "a"], ["a", True]]),
        ([["a", "b", "c", "d"]], [["a", "b", "c", "d"]]),
        ([["a", 7], ["b"]], [["a", 7]]),
        ([[7]], [[7]]),
    ],
)
def test_another_function_may_take_the_arguments_in_another_order_or_without_a_number(calls, found):
    assert [pick(calls[0]) for pick in list_call_forms(calls)] == found


def test_the_tests_of_nearly_every_humaneval_problem_have_literal_calls():
    without = [p.task_id for p in load_benchmark("humaneval") if not read_test_calls(p)]
    assert without == ["HumanEval/32", "HumanEval/38", "HumanEval/50"]
