"""The outputs of references, obtained by running them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from execution_problems import DEEPEST, IDENTITY, LIMITS, ODD

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.matching import match_program
from wizardcoder.decontamination.execution.programs import parse_program
from wizardcoder.decontamination.execution.reference_outputs import ReferenceIndex
from wizardcoder.decontamination.execution.reference_runs import run_reference
from wizardcoder.decontamination.execution.runner import CodeRunner
from wizardcoder.sandbox.errors import Died, TimedOut

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def runner():
    with CodeRunner(LIMITS) as opened:
        yield opened


def test_problems_without_calls_or_with_trivial_outputs_cannot_be_checked(runner):
    assert run_reference(runner, IDENTITY) is None
    assert run_reference(runner, Problem("T/1", "", "x = 1", "f", "assert x", checker="asserts")) is None
    assert run_reference(runner, Problem("T/2", "", "", checker="ds1000")) is None


def test_the_calls_of_the_tests_come_first_and_forty_variations_follow(runner):
    found = run_reference(runner, DEEPEST)
    assert found is not None
    assert found.calls[:3] == [["(()())"], ["((()))"], ["()"]]
    assert (found.outputs[:3], found.tested, len(found.calls)) == (["2", "3", "1"], 3, 43)


def test_an_output_that_depends_on_string_hashes_is_left_out(runner):
    code = "def f(text):\n    return list(set(text))\n"
    test = "assert f('a')\nassert f('bb')\nassert f('abcdefghijklmnop')"
    found = run_reference(runner, Problem("T/6", "", code, "f", test, checker="asserts"))
    assert found is not None
    assert [call for call in found.calls if len(set(call[0])) > 9] == []
    assert ["a"] in found.calls


def test_a_reference_that_exceeds_the_limits_is_an_error(runner):
    endless = Problem("T/7", "", "import os\nx = os._exit(0)\n", "f", "assert f(1) == 2", checker="asserts")
    with pytest.raises(Died, match=r"^T/7: the reference exceeded the sandbox's limits$"):
        run_reference(runner, endless)


def test_arguments_that_tests_compute_are_recorded(runner):
    problem = Problem(
        "T/sum",
        "class Node:\n    pass\n",
        "def total(items):\n    return items[0] + total(items[1:]) if items else 0\n",
        "total",
        "import random\ndef check(candidate):\n    for count in range(3, 9):\n"
        "        items = [random.randint(1, 9) for _ in range(count)]\n        assert candidate(items) == sum(items)\n"
        "    items.clear()\n    assert candidate(items=[1]) == 1\n    assert candidate([Node()]) == 1",
        checker="check",
    )
    found = run_reference(runner, problem)
    assert found is not None
    assert [len(items) for [items] in found.calls[: found.tested]] == [3, 4, 5, 6, 7, 8]
    assert found == run_reference(runner, problem)
    program = parse_program("def f(x):\n    return sum(x)")
    assert program is not None
    assert list(match_program(runner, ReferenceIndex([found]), program).matches) == [0]


def test_tests_that_end_the_process_show_no_calls(runner):
    test = "import os\nn = 5\nassert odd(n) == True\nos._exit(0)"
    assert run_reference(runner, replace(ODD, test=test)) is None


class TimingOut(CodeRunner):
    """A runner whose recorded tests always time out."""

    def record_calls(self, *_: object) -> list:
        raise TimedOut


def test_a_timeout_while_tests_run_does_not_mean_that_they_show_no_calls():
    with TimingOut(LIMITS) as own, pytest.raises(Died, match="T/odd: the tests exceeded the sandbox's limits"):
        run_reference(own, replace(ODD, test="five = 5\nassert odd(five)"))
