"""Training samples whose code solves a problem, and which results are kept for the next run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from execution_problems import DEEPEST, LIMITS, ODD, PROBLEMS

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.records import Example
from wizardcoder.core.store import AnswerStore
from wizardcoder.decontamination.execution.limits import Agreement, ExecutionLimits
from wizardcoder.decontamination.execution.runner import CodeRunner
from wizardcoder.decontamination.execution.search import FILE_NAME, search_solutions
from wizardcoder.sandbox.errors import TimedOut

pytestmark = pytest.mark.heavy


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


def counting_runner() -> tuple[Callable[[ExecutionLimits], CodeRunner], set[str]]:
    """Return a way to open runners, and the set of the codes that these run."""
    seen: set[str] = set()

    class Counting(CodeRunner):
        def call_functions(self, code: str, *arguments: Any, **named: Any) -> dict:
            seen.add(code)
            return super().call_functions(code, *arguments, **named)

    return Counting, seen


def no_runner(_: ExecutionLimits) -> CodeRunner:
    pytest.fail("a sandbox is opened")


def test_every_sample_is_compared_with_every_problem_and_the_results_are_kept(tmp_path):
    found = search_solutions(PROBLEMS, EXAMPLES, LIMITS, 2, tmp_path)
    assert {number: list(problems) for number, problems in found.matches.items()} == {0: [1], 1: [1], 5: [1]}
    assert found.matches[1][1].startswith("g returns what the tests expect (3 calls) and agrees with the reference on ")
    assert (list(found.uncheckable), found.exceeded_limits, found.unparsed, found.programs) == ([3], 1, 1, 4)
    open_runner, seen = counting_runner()
    assert search_solutions(PROBLEMS, EXAMPLES, LIMITS, 2, tmp_path, open_runner=open_runner) == found
    # only the program that exceeded its limits runs again: the machine may have been busy
    assert [code.partition("\n")[0] for code in seen] == ["import os"]
    others = [each for each in EXAMPLES if "os._exit" not in each.response]
    assert search_solutions(PROBLEMS, others, LIMITS, 2, tmp_path, open_runner=no_runner).programs == 3


def test_a_reference_that_exceeds_the_limits_is_uncheckable_and_not_kept(tmp_path):
    endless = Problem("T/7", "", "import os\nx = os._exit(0)\n", "f", "assert f(1) == 2", checker="asserts")
    assert list(search_solutions([endless], [], LIMITS, 1, tmp_path).uncheckable) == [0]
    with AnswerStore(tmp_path / FILE_NAME) as store:
        assert store.size().answers == 0


def failing_once(name: str, fails: Callable[..., bool]) -> Callable[[ExecutionLimits], CodeRunner]:
    """Return a way to open runners whose method `name` times out the first time that `fails(*arguments)`."""
    left = [TimedOut()]

    class Failing(CodeRunner):
        pass

    def method(self: CodeRunner, *arguments: Any, **named: Any) -> Any:
        if left and fails(*arguments):
            raise left.pop()
        return getattr(CodeRunner, name)(self, *arguments, **named)

    setattr(Failing, name, method)
    return Failing


@pytest.mark.parametrize(
    ("name", "fails"),
    [
        ("record_calls", lambda *_: True),
        ("call_functions", lambda code, *_: "def odd" in code),  # the reference
        ("call_functions", lambda code, calls, call_s, only=None: only == "f"),  # all calls of the sample's function
    ],
    ids=["tests", "reference", "sample"],
)
def test_a_failure_is_not_kept_for_the_next_run(tmp_path, name, fails):
    computed = "five = 5\nassert odd(five) == True\nassert odd(five + 1) == False\nassert odd(five + 2)"
    problems, open_runner = [replace(ODD, test=computed)], failing_once(name, fails)
    first = search_solutions(problems, EXAMPLES[:1], LIMITS, 1, tmp_path, open_runner=open_runner)
    assert (dict(first.matches), first.exceeded_limits + len(first.uncheckable)) == ({}, 1)
    again = search_solutions(problems, EXAMPLES[:1], LIMITS, 1, tmp_path, open_runner=open_runner)
    assert {number: list(problems) for number, problems in again.matches.items()} == {0: [0]}


def test_no_sample_ends_the_search(tmp_path):
    chain = "if x == 0:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(1, 1500))
    forged = (
        "import sys\ny = setattr(sys.modules['wizardcoder.decontamination.execution.runner_guest'], '_list_callables',"
        " lambda s, m: [(chr(0xd800), m.f)] if hasattr(m, 'f') else [])\ndef f(n):\n    return n % 2 == 1\n"
    )
    texts = [f"```python\n{text}def g(n):\n    return n % 2 == 1\n```" for text in (chain, forged)]
    both = "```javascript\n" + "const x = 1;\n" * 20 + "```\n```python\ndef g(n):\n    return n % 2 == 1\n```"
    examples = [example(str(n), text) for n, text in enumerate([*texts, both])]
    found = search_solutions([ODD], examples, LIMITS, 1, tmp_path)
    assert {number: list(problems) for number, problems in found.matches.items()} == {0: [0], 2: [0]}
    assert (found.exceeded_limits, found.unparsed) == (1, 0)


def test_a_broken_solution_next_to_a_line_of_valid_python_is_unparsed(tmp_path):
    broken = example("0", "```python\ndef g(n)\n    return n % 2 == 1\n```\nSo:\n```python\nprint(g(3))\n```")
    assert search_solutions([ODD], [broken], LIMITS, 1, tmp_path).unparsed == 1


def test_other_limits_or_other_problems_run_the_code_again(tmp_path):
    own = EXAMPLES[:1]
    longer = ExecutionLimits(Agreement(0.4, 0.9), 0.2, 20, 1024)
    search_solutions([ODD], EXAMPLES, LIMITS, 2, tmp_path)
    assert runs_again([ODD, DEEPEST], own, LIMITS, tmp_path)
    assert runs_again([ODD], own, longer, tmp_path)
    assert not runs_again([ODD], own, LIMITS, tmp_path)


def runs_again(problems: list[Problem], examples: list[Example], limits: ExecutionLimits, folder: Path) -> bool:
    """Search; return whether a sample's code is run."""
    open_runner, seen = counting_runner()
    search_solutions(problems, examples, limits, 1, folder, open_runner=open_runner)
    return any("def f(n)" in code for code in seen)
