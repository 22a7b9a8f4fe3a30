"""What models are asked, which part of an answer runs, and what this machine can't run."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.benchmarks import protocol
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.params import load
from wizardcoder.evaluation.settings import Params
from wizardcoder.sandbox import toolchains
from wizardcoder.sandbox.environments import Environment
from wizardcoder.sandbox.errors import SandboxError
from wizardcoder.scoring import availability
from wizardcoder.scoring.ds1000 import runner as ds1000
from wizardcoder.scoring.multipl_e import run as multipl_e

PARAMS = load(Params, Path(__file__).resolve().parents[2] / "params.yaml")
ADD = Problem(
    "T/0", 'def add(a, b):\n    """Add."""\n', "    return a + b\n", "add", prefix='def add(a, b):\n    """Add."""\n'
)
SIGNATURE = "/// Add.\nfn add(a: i32, b: i32) -> i32 {\n"
RUST = Problem("R/0", SIGNATURE, "", "", "}\n\nfn main() {}\n", "program", SIGNATURE, language="rs", stop=("\n}",))
PHP = Problem("P/0", "", "", "", "add(1, 2);", "program", "<?php\nfunction add($a, $b) {\n", language="php")
MBPP = Problem("MBPP/11", '"""\nAdd.\n"""\n', "def add(a, b):\n    return a + b\n", "add", checker="asserts")


def of_library(number, group):
    return Problem(f"DS-1000/{number}", "", "", test="", checker="ds1000", group=group)


@pytest.fixture
def any_toolchain(monkeypatch):
    """Make every toolchain seem to be installed."""
    monkeypatch.setattr(toolchains, "missing_tools", lambda _: None)
    monkeypatch.setattr(toolchains, "toolchain_environment", lambda _: Environment(preload=()))


@pytest.fixture
def no_command(tmp_path, monkeypatch):
    """Make every compiler and runtime seem to be missing."""
    monkeypatch.setenv("PATH", str(tmp_path))


def test_the_question_stands_in_the_frame_that_the_model_was_trained_in():
    assert protocol.build_question(ADD, PARAMS.evaluate.prompt, PARAMS.train.prompt) == (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n"
        "\n"
        "### Instruction:\n"
        "Create a Python script for this problem:\n"
        'def add(a, b):\n    """Add."""\n'
        "\n"
        "\n"
        "### Response:"
    )


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("python", "Python"),
        ("java", "Java"),
        ("js", "JavaScript"),
        ("cpp", "C++"),
        ("php", "PHP"),
        ("r", "R"),
        ("jl", "Julia"),
        ("swift", "Swift"),
        ("rs", "Rust"),
    ],
)
def test_the_question_names_the_language_as_people_do(language, title):
    problem = Problem("T/0", "PROBLEM", "", language=language)
    assert protocol.build_question(problem, "In {language}: {prompt}", "{instruction}") == f"In {title}: PROBLEM"


def test_braces_in_a_problem_stay_as_they_are():
    problem = Problem("T/0", "{instruction} {language} {0}", "")
    assert protocol.build_question(problem, "{prompt}", "Q: {instruction}") == "Q: {instruction} {language} {0}"


@pytest.mark.parametrize(
    ("problem", "answer", "completion"),
    [
        (ADD, "Sure:\n```python\ndef add(a, b):\n    return a + b\n```", "\ndef add(a, b):\n    return a + b\n"),
        (ADD, "    return a + b", "\n    return a + b\n"),
        (ADD, "", "\n\n"),
        (MBPP, "```python\ndef add(a, b):\n    return a + b\n```", "\ndef add(a, b):\n    return a + b\n"),
        (RUST, "```rust\nfn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n```", "    a + b\n"),
        (RUST, "    a + b\n}\n", "    a + b\n"),
        (PHP, "```php\nfunction add($a, $b) {\n    return $a + $b;\n}\n```", "    return $a + $b;\n}"),
    ],
    ids=[
        "the whole function",
        "a body",
        "nothing",
        "MBPP",
        "Rust, the whole function",
        "Rust, a body",
        "PHP, whose tests close nothing",
    ],
)
def test_the_code_of_an_answer_follows_the_prefix(problem, answer, completion):
    assert protocol.extract_completion(problem, answer, "wizardcoder") == completion


def test_stop_texts_are_for_bare_completions_and_not_for_code_taken_out_of_an_answer():
    assert protocol.problem_for_answers(RUST, "wizardcoder").stop == ()
    assert protocol.problem_for_answers(RUST, "none").stop == ("\n}",)


def test_the_rule_says_which_code_of_an_answer_runs():
    answer = "```python\nx = 1\n```\n```python\nx = 2\n```"
    assert protocol.extract_completion(ADD, answer, "last_fence") == "\nx = 2\n"
    assert protocol.extract_completion(ADD, answer, "none") == f"\n{answer}\n"


@pytest.mark.parametrize("name", ["dev", "humaneval", "mbpp_plus", "mine"])
def test_python_needs_no_more_than_is_installed(no_command, name):
    assert availability.missing_requirement(name, allow_unsafe=False) is None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("multiple_js", "JavaScript: node not found; install: apt-get install nodejs"),
        ("multiple_rs", "Rust: rustc, cc not found; install: apt-get install rustc"),
        ("multiple_php", "PHP: php not found; install: apt-get install php-cli"),
    ],
)
def test_another_language_needs_its_toolchain_and_says_what_to_install(no_command, name, reason):
    assert availability.missing_requirement(name, allow_unsafe=False) == reason


@pytest.mark.heavy
def test_a_toolchain_that_starts_in_the_sandbox_lacks_nothing(any_toolchain, monkeypatch):
    monkeypatch.setattr(multipl_e, "toolchain_failure", lambda *_: None)
    assert availability.missing_requirement("multiple_js", allow_unsafe=False) is None


@pytest.mark.heavy
def test_a_toolchain_that_does_not_start_in_the_sandbox_is_told_apart_from_one_that_is_absent(
    any_toolchain, monkeypatch
):
    monkeypatch.setattr(multipl_e, "toolchain_failure", lambda _, name: f"{name} does not run")
    assert availability.missing_requirement("multiple_js", allow_unsafe=False) == "js does not run"


def test_where_no_sandbox_can_be_had_a_toolchain_can_run_nothing(any_toolchain, monkeypatch):
    def refuse(*_):
        raise SandboxError("no walls")

    monkeypatch.setattr(availability, "Sandbox", refuse)
    assert availability.missing_requirement("multiple_js", allow_unsafe=False) == "no walls"


def test_a_benchmark_of_ones_own_may_have_a_name_like_those_of_multipl_e():
    assert availability.missing_requirement("multiple_choice", allow_unsafe=False) is None


def test_ds1000_needs_its_own_environment(monkeypatch):
    monkeypatch.setattr(ds1000, "missing_environment", lambda: "run `make ds1000`")
    assert availability.missing_requirement("ds1000", allow_unsafe=False) == "run `make ds1000`"


def test_problems_of_libraries_that_the_environment_lacks_are_set_apart_with_the_reason():
    problems = {p.task_id: p for p in (of_library(0, "Pandas"), of_library(1, "Tensorflow"), of_library(2, "Pytorch"))}
    assert availability.split_runnable(problems | {"T/0": ADD}) == (
        {"DS-1000/0": problems["DS-1000/0"], "T/0": ADD},
        {
            "DS-1000/1": "not run: the DS-1000 environment has no Tensorflow",
            "DS-1000/2": "not run: the DS-1000 environment has no Pytorch",
        },
    )
