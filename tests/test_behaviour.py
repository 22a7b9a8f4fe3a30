"""Which problems a function solves, found by calling it and the reference."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from stages.lib import solved
from stages.lib.behaviour import Book, Prober, Rules, program_of
from stages.lib.outputs import equal
from stages.lib.problem import Problem
from stages.lib.records import Example
from stages.lib.values import dumps
from stages.lib.workers import working

RULES = Rules(min_agreement=0.9, call_s=0.1, timeout_s=20, memory_mb=1024)
DEEPEST = Problem(
    "T/depth",
    "",
    """
def deepest(text):
    depth = most = 0
    for c in text:
        depth += (c == "(") - (c == ")")
        most = max(most, depth)
    return most
""",
    "deepest",
    'assert deepest("(()())") == 2\nassert deepest("((()))") == 3\nassert deepest("()") == 1',
    checker="asserts",
)
ODD = Problem(
    "T/odd",
    "",
    "def odd(n):\n    return n % 2 == 1\n",
    "odd",
    "assert odd(5) == True\nassert odd(6) == False\nassert odd(7) == True",
    checker="asserts",
)
LARGEST = Problem(
    "T/largest",
    "",
    "def largest(items, n):\n    return max(items[:n])\n",
    "largest",
    "assert largest([1, 5, 2], 3) == 5\nassert largest([4, 8], 2) == 8\nassert largest([6], 1) == 6",
    checker="asserts",
)
GIVEN = Problem(
    "T/given",
    "",
    "def given(items):\n    return list(items)\n",
    "given",
    "assert given([1, 2]) == [1, 2]\nassert given([3]) == [3]",
    checker="asserts",
)
PROBLEMS = (DEEPEST, ODD, LARGEST, GIVEN)


@pytest.fixture(scope="module")
def prober():
    with Prober(RULES) as opened:
        yield opened


@pytest.fixture(scope="module")
def book(prober):
    return Book([prober.behaviour(problem) for problem in PROBLEMS])


def solves(prober: Prober, book: Book, code: str) -> dict[str, str]:
    program = program_of(code)
    assert program is not None
    found = prober.solved(book, program)
    assert found is not None
    return {PROBLEMS[number].task_id: how.function for number, how in found.items()}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        # in another way, under another name
        (
            "from itertools import accumulate\n"
            "def depth(s):\n    return max(accumulate({'(': 1, ')': -1}.get(c, 0) for c in ' ' + s))",
            {"T/depth": "depth"},
        ),
        ("def f(n):\n    return bool(n & 1)", {"T/odd": "f"}),
        # kindred questions, equal on the tests of T/odd
        ("def prime(n):\n    return n > 1 and all(n % k for k in range(2, n))", {}),
        ("def f(n):\n    return n != 6", {}),
        # without the length, and with it in another place
        ("def top(values):\n    return sorted(values)[-1]", {"T/largest": "top"}),
        ("def top(count, values):\n    return max(values)", {"T/largest": "top"}),
        (
            "class Solution:\n    def top(self, values: List[int]) -> int:\n        return max(values)",
            {"T/largest": "Solution.top"},
        ),
        # what gives its argument back solves nothing that can be told
        ("def same(x):\n    return x", {}),
        # the rest of the program does not matter
        ("n = int(input())\nimport absent\ndef f(n):\n    return n % 2 > 0\nwhile True:\n    pass", {"T/odd": "f"}),
        ("import sys\ndef f(n):\n    sys.exit(0)\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        # one that does not end takes no more than its own time
        ("def f(n):\n    while True:\n        pass\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        ("def f(x):\n    x.clear()\n    return 3", {}),
    ],
)
def test_a_function_solves_what_it_does_as_the_reference_does(prober, book, code, found):
    assert solves(prober, book, code) == found


def test_calls_with_more_arguments_than_others_are_taken_as_they_are(prober):
    """EvalPlus adds inputs with an argument that the tests leave to its default."""
    code = "def f(a, b=0):\n    return a * 2 + b\n"
    own = Problem("T/5", "", code, "f", checker="inputs", base_inputs=([1], [2], [5]), plus_inputs=([1, 7], [0, 3]))
    program = program_of("def g(x, y=0):\n    return x + y + x")
    assert program is not None
    found = prober.solved(Book([prober.behaviour(own)]), program)
    assert {number: str(how) for number, how in found.items()} == {
        0: "g returns what the tests expect (3 calls) and agrees with the reference on 2 of 2 others"
    }


def test_behaviours_that_no_call_shows_or_that_a_trivial_function_has_are_not_told(prober):
    assert prober.behaviour(GIVEN) is None
    assert prober.behaviour(Problem("T/1", "", "x = 1", test="assert x", checker="asserts", entry_point="f")) is None
    assert prober.behaviour(Problem("T/2", "", "", checker="ds1000")) is None
    behaviour = prober.behaviour(DEEPEST)
    assert behaviour is not None
    assert behaviour.calls[:3] == [["(()())"], ["((()))"], ["()"]]
    assert (behaviour.outputs[:3], behaviour.tested, len(behaviour.calls)) == (["2", "3", "1"], 3, 43)


@pytest.mark.parametrize("code", ["", "print('hi')", "def f(:\n", "x = lambda a: a", "(" * 500, "a\0b"])
def test_code_without_a_function_is_no_program(code):
    assert program_of(code) is None


@pytest.mark.parametrize(
    ("code", "widths"),
    [
        ("def f(a, b=1, *, c=2):\n    pass", {1, 2}),
        ("def f():\n    pass\ndef g(a, b, c):\n    pass", {0, 3}),
        ("class A:\n    def f(self, a):\n        pass\n    @staticmethod\n    def g(a, b):\n        pass", {1, 2}),
        ("def f(*all):\n    pass", {0, 1, 2, 3, 4, 5, 6}),
    ],
)
def test_a_program_takes_as_many_arguments_as_its_functions(code, widths):
    program = program_of(code)
    assert program is not None
    assert program.widths == widths


@pytest.mark.parametrize(
    ("one", "other", "alike"),
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
    ],
)
def test_outputs_are_alike_by_value(one, other, alike):
    assert equal(dumps(one).decode(), dumps(other).decode()) is alike
    assert not equal(dumps(one).decode(), None)


def example(key: str, response: str, instruction: str = "Write a function.") -> Example:
    return Example(key, None, 0, None, instruction, response)


EXAMPLES = [
    example("0", "```python\ndef f(n):\n    return n % 2 == 1\n```"),
    example("1", "It is odd.", "Explain this.\n```python\ndef g(n):\n    return n % 2 == 1\n```"),
    example("2", "No code at all."),
    example("3", "```python\nimport os\nos._exit(0)\ndef f(n):\n    return 1\nx = os._exit(0)\n```"),
    example("4", "```js\nfunction f(n) { return n % 2 == 1 }\n```"),
]


def test_every_sample_is_held_against_every_problem_and_what_was_found_is_kept(tmp_path, monkeypatch):
    found = solved.search(PROBLEMS, EXAMPLES, RULES, 2, tmp_path)
    assert {number: list(tests) for number, tests in found.solved.items()} == {0: [1], 1: [1]}
    assert found.solved[1][1].startswith("g returns what the tests expect (3 calls) and agrees with the reference on ")
    assert (list(found.untold), found.ended, found.programs) == ([3], 1, 3)
    monkeypatch.setattr(solved, "Prober", None)  # a second sandbox would fail
    assert solved.search(PROBLEMS, EXAMPLES, RULES, 2, tmp_path) == found


def test_other_limits_or_other_problems_find_anew(tmp_path, monkeypatch):
    solved.search([ODD], EXAMPLES, RULES, 2, tmp_path)
    asked = []
    real = Prober.solved
    monkeypatch.setattr(
        Prober, "solved", lambda self, book, program: asked.append(program) or real(self, book, program)
    )
    solved.search([ODD, DEEPEST], EXAMPLES[:1], RULES, 1, tmp_path)
    assert len(asked) == 1
    solved.search([ODD], EXAMPLES[:1], Rules(0.9, 0.2, 20, 1024), 1, tmp_path)
    assert len(asked) == 2
    solved.search([ODD], EXAMPLES[:1], RULES, 1, tmp_path)
    assert len(asked) == 2


def test_what_a_worker_raises_is_raised_where_the_results_are_taken():
    def work(_: None, job: int) -> int:
        return 1 // job

    with pytest.raises(ZeroDivisionError), working([1, 0, 2], nullcontext, work, 1) as results:
        assert next(results) == (1, 1)
        next(results)
