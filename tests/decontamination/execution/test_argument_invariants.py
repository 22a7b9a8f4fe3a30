"""Invariants of arguments, and mutated arguments that keep them."""

from __future__ import annotations

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.argument_invariants import ArgumentInvariants, find_invariants
from wizardcoder.decontamination.execution.call_variations import vary_calls

PROBLEM = Problem("T/1", "", "", "f")


def test_a_length_stays_the_length_of_its_list():
    calls = [[[4, 5, 6], 3], [[7], 1]]
    assert find_invariants(calls).counts == [(1, 0)]
    assert all(len(items) == count for items, count in vary_calls(PROBLEM, calls, 20))
    assert find_invariants([[[4, 5], 3], [[7], 1]]).counts == []


def test_lists_that_are_sorted_in_all_tests_stay_sorted():
    calls = [[[1, 5, 9]], [[2, 2]], [[]]]
    assert find_invariants(calls).ascending == {0}
    found = vary_calls(PROBLEM, calls, 20)
    assert len(found) == 20
    assert all(items == sorted(items) for (items,) in found)
    assert find_invariants([[[5, 1]], [[2, 2]]]).ascending == frozenset()
    assert find_invariants([[["a", 1]], [["a", 1]]]).ascending == frozenset()


def test_lists_of_one_length_in_all_tests_keep_it():
    calls = [[(3, 7)], [(12, 4)]]
    assert find_invariants(calls).lengths == {0: 2}
    assert {len(pair) for (pair,) in vary_calls(PROBLEM, calls, 20)} == {2}


def test_lists_of_equal_length_in_all_tests_keep_equal_length():
    calls = [[[1, 2, 3], "a", (4, 5, 6)], [[7], "b", (8,)]]
    assert find_invariants(calls).equal_lengths == [(0, 2)]
    assert all(len(one) == len(other) for one, _, other in vary_calls(PROBLEM, calls, 20))


def test_a_value_that_is_in_a_list_in_all_tests_mostly_stays_in_it():
    calls = [[[4, 5, 6], 5], [[7, 9], 7]]
    found = vary_calls(PROBLEM, calls, 40)
    inside = sum(item in items for items, item in found)
    assert len(found) // 2 < inside < len(found)
    assert find_invariants([["banana", "n"], ["kiwi", "i"]]).members == [(1, 0)]
    assert find_invariants([["banana", "nan"], ["kiwi", "i"]]).members == []


def test_a_single_call_has_no_invariants():
    assert find_invariants([[[1, 2], 2]]) == ArgumentInvariants(frozenset(), {}, [], [], [])
