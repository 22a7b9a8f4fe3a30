"""The calls by which functions are compared: read from tests, and varied."""

from __future__ import annotations

import pytest

from stages.lib.benchmarks import load_benchmark
from stages.lib.call_inputs import calls_of_tests, forms, length_argument, varied_calls
from stages.lib.problem import Problem

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


def test_calls_are_those_that_are_written_as_values_each_once():
    assert calls_of_tests(problem(CHECKED)) == [[[1, -2.5], "a"], [[], "b"]]


def test_of_asserts_the_calls_of_the_function_count_also_within_others():
    asserts = "assert sorted(f((1, 2))) == [1]\nassert g(3) == f({4: {5}})\nassert f(Node(1)) is None"
    assert sorted(calls_of_tests(problem(asserts, checker="asserts")), key=repr) == [[(1, 2)], [{4: {5}}]]


def test_of_evalplus_the_inputs_are_the_calls_but_for_the_largest():
    own = problem("", checker="inputs", base_inputs=([1], ["x" * 5000]), plus_inputs=([2], [3], [2]))
    assert calls_of_tests(own) == [[1]]
    assert sorted(varied_calls(own, [[1]], 40)) == [[2], [3]]


def test_variations_are_drawn_by_the_task_and_none_twice():
    calls = [[[3, 1, 2], "abc"], [[9], "hello world"]]
    found = varied_calls(problem(""), calls, 40)
    assert found == varied_calls(problem(""), calls, 40)
    assert len(found) == len({repr(c) for c in found}) == 40
    assert not any(call in calls for call in found)
    assert found != varied_calls(Problem("T/2", "", "", "f"), calls, 40)


def test_variations_keep_types_and_digits_stay_digits():
    for numbers, text in varied_calls(problem(""), [[[3, 1, 2], "abc"], [[9], "xyz"]], 40):
        assert isinstance(text, str)
        assert all(type(number) is int and 0 <= number <= 18 for number in numbers)


def test_a_length_goes_with_what_it_measures():
    calls = [[[4, 5, 6], 3], [[7], 1]]
    assert length_argument(calls) == (1, 0)
    assert all(len(items) == count for items, count in varied_calls(problem(""), calls, 20))
    assert length_argument([[[4, 5], 3]]) is None


@pytest.mark.parametrize(
    ("calls", "found"),
    [
        ([["a"]], [["a"]]),
        ([["a", 7]], [["a", 7], [7, "a"]]),
        ([["ab", 2]], [["ab", 2], [2, "ab"], ["ab"]]),
        ([["a", 7], ["b"]], [["a", 7]]),
    ],
)
def test_another_function_may_take_the_arguments_in_another_order_or_without_a_length(calls, found):
    assert [pick(calls[0]) for pick in forms(calls)] == found


def test_nearly_every_problem_of_humaneval_shows_its_calls():
    without = [p.task_id for p in load_benchmark("humaneval") if not calls_of_tests(p)]
    assert without == ["HumanEval/32", "HumanEval/38", "HumanEval/50"]
