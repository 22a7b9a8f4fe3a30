"""Which problems a program's functions solve."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from execution_problems import LIMITS, PROBLEMS

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.matching import ProgramMatches, match_program
from wizardcoder.decontamination.execution.programs import Program, parse_program
from wizardcoder.decontamination.execution.reference_outputs import ReferenceIndex
from wizardcoder.decontamination.execution.reference_runs import run_reference
from wizardcoder.decontamination.execution.runner import CodeRunner
from wizardcoder.sandbox.errors import TimedOut

pytestmark = pytest.mark.heavy

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def runner():
    with CodeRunner(LIMITS) as opened:
        yield opened


@pytest.fixture(scope="module")
def index(runner):
    return ReferenceIndex([run_reference(runner, problem) for problem in PROBLEMS])


def parse(code: str) -> Program:
    program = parse_program(code)
    assert program is not None
    return program


def find_solutions(runner: CodeRunner, index: ReferenceIndex, code: str) -> dict[str, str]:
    """Return the function that solves each problem; groups of one form are tried, since there are few problems."""
    found = match_program(runner, index, parse(code), min_group=1).matches
    return {PROBLEMS[number].task_id: match.function for number, match in found.items()}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        # another algorithm, another name
        (
            "from itertools import accumulate\n"
            "def depth(s):\n    return max(accumulate({'(': 1, ')': -1}.get(c, 0) for c in ' ' + s))",
            {"T/depth": "depth"},
        ),
        ("def f(n):\n    return bool(n & 1)", {"T/odd": "f"}),
        # related tasks, equal on the tests of T/odd
        ("def prime(n):\n    return n > 1 and all(n % k for k in range(2, n))", {}),
        ("def f(n):\n    return n != 6", {}),
        # without the length, or with it in another place
        ("def top(values):\n    return sorted(values)[-1]", {"T/largest": "top"}),
        ("def top(count, values):\n    return max(values)", {"T/largest": "top"}),
        (
            "class Solution:\n    def top(self, values: List[int]) -> int:\n        return max(values)",
            {"T/largest": "Solution().top"},
        ),
        # a function that returns its argument solves nothing that can be checked
        ("def same(x):\n    return x", {}),
        # a constructor may take the arguments
        (
            "class Bag:\n    def __init__(self, values):\n        self.values = values\n"
            "    def top(self):\n        return max(self.values)",
            {"T/largest": "Bag(...).top"},
        ),
        # any kind of definition
        ("from functools import lru_cache\n@lru_cache\ndef f(n):\n    return n % 2 > 0", {"T/odd": "f"}),
        ("f = lambda n: n % 2 > 0", {"T/odd": "f"}),
        (
            "try:\n    import math\nexcept ImportError:\n    pass\nelse:\n    def f(n):\n        return n % 2 > 0",
            {"T/odd": "f"},
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Box:\n    size: int = 0\n"
            "    def odd(self, n):\n        return n % 2 > 0",
            {"T/odd": "Box().odd"},
        ),
        # also if a later definition hides it
        ("def f(n):\n    return n % 2 > 0\ndef f(n):\n    pass", {"T/odd": "f"}),
        ("def f(n):\n    pass\ndef f(n):\n    return n % 2 > 0", {"T/odd": "f#2"}),
        # its tests have three outputs, so it may differ from the reference for unbalanced brackets
        (
            "def f(s):\n    d = [0]\n    for c in s:\n        d.append(d[-1] + (1 if c == '(' else -1))\n"
            "    if d[-1] < 0:\n        raise ValueError(s)\n    return max(d)",
            {"T/depth": "f"},
        ),
        # the rest of the program does not matter
        ("n = int(input())\nimport absent\ndef f(n):\n    return n % 2 > 0\nwhile True:\n    pass", {"T/odd": "f"}),
        ("import sys\ndef f(n):\n    sys.exit(0)\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        # an endless function only uses up its own time
        ("def f(n):\n    while True:\n        pass\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        (
            "def f(n):\n    while True:\n        try:\n            while True:\n                pass\n"
            "        except:\n            pass\ndef g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        (
            "def f(n):\n    while True:\n        try:\n            try:\n                while True:\n"
            "                    n += 1\n            except BaseException as e:\n                print(e)\n"
            "                continue\n        finally:\n            continue\ndef g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        # an earlier call's error that is freed during a later call does not end that one
        (
            "kept = []\ndef f(n):\n    try:\n        while True:\n            pass\n    except BaseException as e:\n"
            "        kept.append(e)\ndef g(n):\n    kept and kept.pop()\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        ("import threading\ndef f(n):\n    threading.Event().wait()\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        ("import time\ndef f(n):\n    time.sleep(60)\n    return n % 2 > 0", {"T/odd": "f"}),
        ("def main():\n    while True:\n        pass\nx = main()\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        ("import sys\nx = 1 / 0\ny = sys.exit(0)\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        # one function changes its argument, the next gets it unchanged
        ("def f(x):\n    x.clear()\n    return 3\ndef top(x):\n    return max(x)", {"T/largest": "top"}),
        # code that ends the program on one problem's arguments still solves another problem
        ("def f(x):\n    if isinstance(x, str):\n        os._exit(0)\n    return x % 2 > 0\nimport os", {"T/odd": "f"}),
        # one of many functions
        (
            "".join(f"def f{n}(x):\n    return x\n" for n in range(45)) + "def g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        # a decorator of an absent package, a fallback definition, a lambda with an annotation
        ("@njit(cache=True)\ndef f(n):\n    return n % 2 > 0", {"T/odd": "f"}),
        ("try:\n    import absent\nexcept ImportError:\n    def f(n):\n        return n % 2 > 0", {"T/odd": "f"}),
        ("f: Callable[[int], bool] = lambda n: n % 2 > 0", {"T/odd": "f"}),
        # next to an object that only resembles a function
        (
            "def same(f):\n    f.__wrapped__ = f\n    return f\n@same\ndef f(a):\n    return a\n"
            "def g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        (
            "class Kind:\n    __slots__ = ('kind',)\n    def __init__(self, kind):\n        self.kind = kind\n"
            "    def __call__(self, n):\n        return 1\n@Kind\nclass A:\n    def f(self, n):\n        return n\n"
            "def g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        (
            "def __getattr__(name):\n    while True:\n        pass\nx = 1\ndef g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        # too long an output
        ("def f(n):\n    return [n % 2 > 0] * 9999", {}),
    ],
)
def test_a_function_solves_a_problem_if_it_returns_what_the_reference_returns(runner, index, code, found):
    assert find_solutions(runner, index, code) == found


def test_calls_of_different_widths_are_not_reordered(runner):
    """EvalPlus adds inputs with an argument for which the tests use the default."""
    code = "def f(a, b=0):\n    return a * 2 + b\n"
    own = Problem("T/5", "", code, "f", checker="inputs", base_inputs=([1], [2], [5]), plus_inputs=([1, 7], [0, 3]))
    index = ReferenceIndex([run_reference(runner, own)])
    found = match_program(runner, index, parse("def g(x, y=0):\n    return x + y + x")).matches
    assert {number: str(match) for number, match in found.items()} == {
        0: "g returns what the tests expect (3 calls) and agrees with the reference on 2 of 2 others"
    }


def test_every_reference_of_humaneval_solves_its_own_problem_among_all(runner):
    """Also those that never end on another problem's arguments."""
    with contextlib.chdir(ROOT):
        problems = load_benchmark("humaneval")
    index = ReferenceIndex([run_reference(runner, problem) for problem in problems])
    missed = []
    for number, problem in enumerate(problems):
        program = parse_program(problem.prefix + problem.canonical_solution)
        if index.references[number] is not None and program is not None:
            found = match_program(runner, index, program, min_group=1).matches
            missed += [] if number in found else [problem.task_id]
    assert missed == []
    assert sum(reference is None for reference in index.references) < 8
    assert None not in [index.references[number] for number in (38, 50)]  # their tests compute the arguments


class TimingOut(CodeRunner):
    """A runner whose calls always time out."""

    calls = 0

    def call_functions(self, *_: object, **__: object) -> dict:
        self.calls += 1
        raise TimedOut


def test_a_program_that_times_out_repeatedly_is_given_up(index):
    many = ReferenceIndex([replace(index.references[1]) for _ in range(64)])
    with TimingOut(LIMITS) as own:
        assert match_program(own, many, parse("def f(n):\n    return n"), min_group=1) == ProgramMatches({}, False)
        assert own.calls == 5
