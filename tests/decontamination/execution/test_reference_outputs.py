"""Which problems a function solves, found by calling it and the reference."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from wizardcoder.benchmarks.load import load_benchmark
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.records import Example
from wizardcoder.core.store import AnswerStore
from wizardcoder.decontamination.execution import runner as prober_module
from wizardcoder.decontamination.execution import search as solved
from wizardcoder.decontamination.execution.output_equality import equal
from wizardcoder.decontamination.execution.reference_outputs import Agreement, Book
from wizardcoder.decontamination.execution.runner import Prober, Rules, program_of
from wizardcoder.sandbox.host import Died, TimedOut
from wizardcoder.sandbox.wire import dumps

ROOT = Path(__file__).resolve().parents[3]
RULES = Rules(Agreement(0.4, 0.9), call_s=0.03, timeout_s=20, memory_mb=1024)
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


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Have few calls be too few to be given up together, as there are few problems here."""
    monkeypatch.setattr(prober_module, "_FEW", 1)


def raising(exception):
    """Give a function that raises."""

    def function(*_, **__):
        raise exception

    return function


def solves(prober: Prober, book: Book, code: str) -> dict[str, str]:
    program = program_of(code)
    assert program is not None
    found = prober.solved(book, program).solved
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
            {"T/largest": "Solution().top"},
        ),
        # what gives its argument back solves nothing that can be told
        ("def same(x):\n    return x", {}),
        # a class may take the arguments itself
        (
            "class Bag:\n    def __init__(self, values):\n        self.values = values\n"
            "    def top(self):\n        return max(self.values)",
            {"T/largest": "Bag(...).top"},
        ),
        # however it is defined
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
        # also where a later definition hides it
        ("def f(n):\n    return n % 2 > 0\ndef f(n):\n    pass", {"T/odd": "f"}),
        ("def f(n):\n    pass\ndef f(n):\n    return n % 2 > 0", {"T/odd": "f#2"}),
        # its tests show three outputs, so that it may part from the reference where brackets do not close
        (
            "def f(s):\n    d = [0]\n    for c in s:\n        d.append(d[-1] + (1 if c == '(' else -1))\n"
            "    if d[-1] < 0:\n        raise ValueError(s)\n    return max(d)",
            {"T/depth": "f"},
        ),
        # the rest of the program does not matter
        ("n = int(input())\nimport absent\ndef f(n):\n    return n % 2 > 0\nwhile True:\n    pass", {"T/odd": "f"}),
        ("import sys\ndef f(n):\n    sys.exit(0)\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        # one that does not end takes no more than its own time
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
        # an earlier call's error that is let go in a later call does not end that one
        (
            "kept = []\ndef f(n):\n    try:\n        while True:\n            pass\n    except BaseException as e:\n"
            "        kept.append(e)\ndef g(n):\n    kept and kept.pop()\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        ("import threading\ndef f(n):\n    threading.Event().wait()\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        ("import time\ndef f(n):\n    time.sleep(60)\n    return n % 2 > 0", {"T/odd": "f"}),
        ("def main():\n    while True:\n        pass\nx = main()\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        ("import sys\nx = 1 / 0\ny = sys.exit(0)\ndef g(n):\n    return n % 2 > 0", {"T/odd": "g"}),
        # one changes its argument, the next gets it as it was
        ("def f(x):\n    x.clear()\n    return 3\ndef top(x):\n    return max(x)", {"T/largest": "top"}),
        # what ends the program on one problem's arguments does not hide what it does on another's
        ("def f(x):\n    if isinstance(x, str):\n        os._exit(0)\n    return x % 2 > 0\nimport os", {"T/odd": "f"}),
        # one of many
        (
            "".join(f"def f{n}(x):\n    return x\n" for n in range(45)) + "def g(n):\n    return n % 2 > 0",
            {"T/odd": "g"},
        ),
        # a decorator of a package that is not here, a definition that is the way out, a lambda with an annotation
        ("@njit(cache=True)\ndef f(n):\n    return n % 2 > 0", {"T/odd": "f"}),
        ("try:\n    import absent\nexcept ImportError:\n    def f(n):\n        return n % 2 > 0", {"T/odd": "f"}),
        ("f: Callable[[int], bool] = lambda n: n % 2 > 0", {"T/odd": "f"}),
        # a neighbour that is no function, though it looks like one
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
        # too much is no output
        ("def f(n):\n    return [n % 2 > 0] * 9999", {}),
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
    found = prober.solved(Book([prober.behaviour(own)]), program).solved
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


@pytest.mark.parametrize("code", ["", "print('hi')", "x = 1", "class A:\n    b = 2", "async def f(a):\n    pass"])
def test_code_without_a_function_is_no_program(code):
    assert program_of(code) is None


@pytest.mark.parametrize("code", ["def f(:\n", "(" * 500, "a\0b", "print 'hi'"])
def test_code_that_is_no_python_is_told_apart(code):
    with pytest.raises(SyntaxError):
        program_of(code)


def test_an_output_that_depends_on_how_strings_are_hashed_is_none(prober):
    code = "def f(text):\n    return list(set(text))\n"
    test = "assert f('a')\nassert f('bb')\nassert f('abcdefghijklmnop')"
    behaviour = prober.behaviour(Problem("T/6", "", code, "f", test, checker="asserts"))
    assert behaviour is not None
    assert [call for call in behaviour.calls if len(set(call[0])) > 9] == []
    assert ["a"] in behaviour.calls


def test_a_reference_that_runs_out_of_limits_is_no_behaviour_and_is_not_kept(tmp_path):
    code = "import os\nx = os._exit(0)\n"
    endless = Problem("T/7", "", code, "f", "assert f(1) == 2", checker="asserts")
    with Prober(RULES) as own, pytest.raises(Died, match=r"^T/7: the reference ran out of the sandbox's limits$"):
        own.behaviour(endless)
    found = solved.search([endless], [], RULES, 1, tmp_path)
    assert list(found.untold) == [0]
    with AnswerStore(tmp_path / solved.FILE_NAME) as store:
        assert store.size().answers == 0


def test_every_reference_of_humaneval_solves_its_own_problem_among_all(prober):
    """Also those that never end on another problem's arguments."""
    with contextlib.chdir(ROOT):
        problems = load_benchmark("humaneval")
    own = Book([prober.behaviour(problem) for problem in problems])
    missed = []
    for number, problem in enumerate(problems):
        program = program_of(problem.prefix + problem.canonical_solution)
        if own.behaviours[number] is not None and program is not None:
            found = prober.solved(own, program).solved
            missed += [] if number in found else [problem.task_id]
    assert missed == []
    assert sum(behaviour is None for behaviour in own.behaviours) < 8
    assert None not in [own.behaviours[number] for number in (38, 50)]  # their tests build the arguments


def test_the_arguments_that_tests_build_are_those_of_their_calls(prober):
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
    found = prober.behaviour(problem)
    assert found is not None
    assert [len(items) for [items] in found.calls[: found.tested]] == [3, 4, 5, 6, 7, 8]
    assert found == prober.behaviour(problem)
    assert list(prober.solved(Book([found]), program_of("def f(x):\n    return sum(x)")).solved) == [0]


def test_tests_that_end_the_process_show_no_calls(prober):
    test = "import os\nn = 5\nassert odd(n) == True\nos._exit(0)"
    assert prober.behaviour(replace(ODD, test=test)) is None


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
        (1.0, 1.001, False),
        ([1, 2], deque([1, 2]), True),
        ([1], {1: 2}.keys(), True),
        ({"o": 1}, {"o": 1}, True),
        ({"o": 1}, {"o": 2}, False),
        ('["o",', '["o",', True),
    ],
)
def test_outputs_are_alike_by_value(one, other, alike):
    assert equal(dumps(one).decode(), dumps(other).decode()) is alike
    assert not equal(dumps(one).decode(), None)


def test_objects_of_own_classes_are_not_alike():
    thing = dumps(Problem("T/8", "", "")).decode()
    assert thing == '["o","Problem"]'
    assert not equal(thing, thing)


def example(key: str, response: str, instruction: str = "Write a function.") -> Example:
    return Example(key, None, 0, None, instruction, response)


EXAMPLES = [
    example("0", "```python\ndef f(n):\n    return n % 2 == 1\n```"),
    example("1", "It is odd.", "Explain this.\n```python\ndef g(n):\n    return n % 2 == 1\n```"),
    example("2", "No code at all."),
    example("3", "```python\nimport os\nos._exit(0)\ndef f(n):\n    return 1\nx = os._exit(0)\n```"),
    example("4", "```js\nfunction f(n) { return n % 2 == 1 }\n```"),
    example("5", "```python\ndef h(n):\n    return n % 2 == 1\n```\nSo:\n```python\n>>> h(3)\nTrue\n```"),
    example("6", "```python\ndef h(n)\nreturn n\n```"),
]


def test_every_sample_is_held_against_every_problem_and_what_was_found_is_kept(tmp_path, monkeypatch):
    found = solved.search(PROBLEMS, EXAMPLES, RULES, 2, tmp_path)
    assert {number: list(tests) for number, tests in found.solved.items()} == {0: [1], 1: [1], 5: [1]}
    assert found.solved[1][1].startswith("g returns what the tests expect (3 calls) and agrees with the reference on ")
    assert (list(found.untold), found.ended, found.unparsed, found.programs) == ([3], 1, 1, 4)
    asked = []
    real = Prober.solved
    monkeypatch.setattr(
        Prober, "solved", lambda self, book, program: asked.append(program.text) or real(self, book, program)
    )
    assert solved.search(PROBLEMS, EXAMPLES, RULES, 2, tmp_path) == found
    # but for what ran out of its limits: it may have been this machine's hour
    assert [text.partition("\n")[0] for text in asked] == ["import os"]
    monkeypatch.setattr(solved, "Prober", None)  # a sandbox would fail
    told = [example for example in EXAMPLES if "os._exit" not in example.response]
    assert solved.search(PROBLEMS, told, RULES, 2, tmp_path).programs == 3


def test_what_went_wrong_once_is_found_the_next_time(tmp_path, monkeypatch):
    built = replace(ODD, test="five = 5\nassert odd(five) == True\nassert odd(five + 1) == False\nassert odd(five + 2)")
    fails = {
        "_reference": [Died("loaded")],
        "_calls_made": [Died("loaded")],
        "_met": [None],
    }
    for name, (outcome,) in fails.items():
        real, left = getattr(Prober, name), [outcome]

        def once(self, *arguments, real=real, left=left):
            if not left:
                return real(self, *arguments)
            if isinstance(outcome := left.pop(), Exception):
                raise outcome
            return outcome

        with monkeypatch.context() as patched:
            patched.setattr(Prober, name, once)
            first = solved.search([built], EXAMPLES[:1], RULES, 1, tmp_path / name)
            assert (dict(first.solved), first.ended + len(first.untold)) == ({}, 1)
            again = solved.search([built], EXAMPLES[:1], RULES, 1, tmp_path / name)
            assert {number: list(tests) for number, tests in again.solved.items()} == {0: [0]}


def test_a_time_out_while_tests_are_run_is_no_sign_that_they_show_no_calls(monkeypatch):
    monkeypatch.setattr(Prober, "_probed", raising(TimedOut()))
    with Prober(RULES) as own, pytest.raises(Died, match="T/odd: the tests ran out of the sandbox's limits"):
        own.behaviour(replace(ODD, test="five = 5\nassert odd(five)"))


def test_a_program_that_times_out_again_and_again_is_given_up(book, monkeypatch):
    asked = []
    monkeypatch.setattr(Prober, "_probed", lambda self, *_: asked.append(1) or raising(TimedOut())())
    many = Book([replace(book.behaviours[1]) for _ in range(64)])
    with Prober(RULES) as own:
        assert own.solved(many, program_of("def f(n):\n    return n")) == prober_module.Found({}, False)
    assert len(asked) == 5


def test_no_sample_ends_the_search(tmp_path):
    chain = "if x == 0:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(1, 1500))
    forged = (
        "import sys\ny = setattr(sys.modules['wizardcoder.decontamination.execution.runner_guest'], '_callables',"
        " lambda s, m: [(chr(0xd800), m.f)] if hasattr(m, 'f') else [])\ndef f(n):\n    return n % 2 == 1\n"
    )
    texts = [f"```python\n{text}def g(n):\n    return n % 2 == 1\n```" for text in (chain, forged)]
    both = "```javascript\n" + "const x = 1;\n" * 20 + "```\n```python\ndef g(n):\n    return n % 2 == 1\n```"
    found = solved.search([ODD], [example(str(n), text) for n, text in enumerate([*texts, both])], RULES, 1, tmp_path)
    assert {number: list(tests) for number, tests in found.solved.items()} == {0: [0], 2: [0]}
    assert (found.ended, found.unparsed) == (1, 0)


def test_a_broken_solution_beside_a_line_that_is_python_is_unparsed(tmp_path):
    told = example("0", "```python\ndef g(n)\n    return n % 2 == 1\n```\nSo:\n```python\nprint(g(3))\n```")
    assert solved.search([ODD], [told], RULES, 1, tmp_path).unparsed == 1


def test_other_limits_or_other_problems_find_anew(tmp_path, monkeypatch):
    solved.search([ODD], EXAMPLES, RULES, 2, tmp_path)
    asked = []
    real = Prober.solved
    monkeypatch.setattr(
        Prober, "solved", lambda self, book, program: asked.append(program) or real(self, book, program)
    )
    solved.search([ODD, DEEPEST], EXAMPLES[:1], RULES, 1, tmp_path)
    assert len(asked) == 1
    solved.search([ODD], EXAMPLES[:1], Rules(Agreement(0.4, 0.9), 0.2, 20, 1024), 1, tmp_path)
    assert len(asked) == 2
    solved.search([ODD], EXAMPLES[:1], RULES, 1, tmp_path)
    assert len(asked) == 2
