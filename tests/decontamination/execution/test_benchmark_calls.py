"""The calls by which functions are compared: read from tests, and varied."""

from __future__ import annotations

from itertools import permutations

import pytest

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.argument_invariants import Habits
from wizardcoder.decontamination.execution.benchmark_calls import calls_of_tests, forms, varied_calls

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
    assert Habits.of(calls).counts == [(1, 0)]
    assert all(len(items) == count for items, count in varied_calls(problem(""), calls, 20))
    assert Habits.of([[[4, 5], 3], [[7], 1]]).counts == []


def test_what_ascends_in_all_tests_ascends_in_variations():
    calls = [[[1, 5, 9]], [[2, 2]], [[]]]
    assert Habits.of(calls).ascending == {0}
    found = varied_calls(problem(""), calls, 20)
    assert len(found) == 20
    assert all(items == sorted(items) for (items,) in found)
    assert Habits.of([[[5, 1]], [[2, 2]]]).ascending == frozenset()
    assert Habits.of([[["a", 1]], [["a", 1]]]).ascending == frozenset()


def test_what_has_one_length_in_all_tests_keeps_it():
    calls = [[(3, 7)], [(12, 4)]]
    assert Habits.of(calls).lengths == {0: 2}
    assert {len(pair) for (pair,) in varied_calls(problem(""), calls, 20)} == {2}


def test_lists_that_are_as_long_in_all_tests_stay_so():
    calls = [[[1, 2, 3], "a", (4, 5, 6)], [[7], "b", (8,)]]
    assert Habits.of(calls).alike == [(0, 2)]
    assert all(len(one) == len(other) for one, _, other in varied_calls(problem(""), calls, 20))


def test_what_is_among_the_others_in_all_tests_mostly_stays_so():
    calls = [[[4, 5, 6], 5], [[7, 9], 7]]
    found = varied_calls(problem(""), calls, 40)
    inside = sum(item in items for items, item in found)
    assert len(found) // 2 < inside < len(found)
    assert Habits.of([["banana", "n"], ["kiwi", "i"]]).members == [(1, 0)]
    assert Habits.of([["banana", "nan"], ["kiwi", "i"]]).members == []


def test_of_a_single_call_there_are_no_habits():
    assert Habits.of([[[1, 2], 2]]) == Habits(frozenset(), {}, [], [], [])


@pytest.mark.parametrize("number", ["1e999", "-1e7", "12345678", "9" * 400])
def test_numbers_to_which_a_loop_would_count_for_long_are_no_inputs(number):
    asserts = f"assert f(3) == 1\nassert f({number}) == 2\nassert f([2, [{number}]]) == 3"
    own = problem(asserts, checker="asserts")
    assert calls_of_tests(own) == [[3]]
    assert all(abs(value) <= 1e6 for (value,) in varied_calls(own, [[3], [999_999]], 40))


@pytest.mark.parametrize("test", ["def check(:", "a\0b", "(" * 5000])
def test_tests_that_are_no_python_show_no_calls(test):
    assert calls_of_tests(problem(test)) == []


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
    assert [pick(calls[0]) for pick in forms(calls)] == found


def test_nearly_every_problem_of_humaneval_shows_its_calls():
    without = [p.task_id for p in load_benchmark("humaneval") if not calls_of_tests(p)]
    assert without == ["HumanEval/32", "HumanEval/38", "HumanEval/50"]
