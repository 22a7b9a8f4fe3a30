"""Mutated calls: which they are, and what they keep."""

from __future__ import annotations

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.call_variations import vary_calls


def problem(task_id: str = "T/1", **more) -> Problem:
    return Problem(task_id, "", "", "f", **more)


def test_variations_depend_on_the_task_id_and_are_distinct():
    calls = [[[3, 1, 2], "abc"], [[9], "hello world"]]
    found = vary_calls(problem(), calls, 40)
    assert found == vary_calls(problem(), calls, 40)
    assert len(found) == len({repr(c) for c in found}) == 40
    assert not any(call in calls for call in found)
    assert found != vary_calls(problem("T/2"), calls, 40)


def test_variations_keep_types_and_single_digits():
    for numbers, text in vary_calls(problem(), [[[3, 1, 2], "abc"], [[9], "xyz"]], 40):
        assert isinstance(text, str)
        assert all(type(number) is int and 0 <= number <= 18 for number in numbers)


def test_evalplus_s_own_inputs_are_used_instead_of_mutations():
    own = problem(checker="inputs", base_inputs=([1],), plus_inputs=([2], [3], [2]))
    assert sorted(vary_calls(own, [[1]], 40)) == [[2], [3]]


def test_variations_contain_no_large_numbers():
    assert all(abs(value) <= 1e6 for (value,) in vary_calls(problem(), [[3], [999_999]], 40))
