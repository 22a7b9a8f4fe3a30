"""Golden chats and prompts: every word that a model sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from wizardcoder.core.params import read_yaml
from wizardcoder.core.templates import fill
from wizardcoder.teacher.chats import Shot, evolve_messages, plain_messages, prompt_version

PARAMS = read_yaml(Path(__file__).resolve().parents[2] / "params.yaml")
HEURISTICS = {"deeper": "Go deeper.", "wider": "Go wider."}
SHOTS = [Shot("Sort.", "Go deeper.", "Sort in place."), Shot("Add.", "Go wider.", "Add vectors.")]


def test_worked_examples_come_as_turns_before_the_question():
    assert evolve_messages("{method}\n\n{question}", HEURISTICS, SHOTS, "wider", "Reverse {method}.") == [
        {"role": "user", "content": "Go deeper.\n\nSort."},
        {"role": "assistant", "content": "Sort in place."},
        {"role": "user", "content": "Go wider.\n\nAdd."},
        {"role": "assistant", "content": "Add vectors."},
        {"role": "user", "content": "Go wider.\n\nReverse {method}."},
    ]


def test_without_worked_examples_the_chat_is_the_question():
    assert evolve_messages("{method}: {question}", HEURISTICS, [], "deeper", "Sort.") == [
        {"role": "user", "content": "Go deeper.: Sort."}
    ]


@pytest.mark.parametrize(
    ("heuristic", "method"),
    [
        (
            "constraints",
            "Add new constraints and requirements to the original problem, adding approximately 10 additional words.",
        ),
        (
            "specificity",
            "Replace a commonly used requirement in the programming task with a less common and more specific one.",
        ),
        (
            "reasoning",
            "If the original problem can be solved with only a few logical steps, please add more reasoning steps.",
        ),
        ("misdirection", "Provide a piece of erroneous code as a reference to increase misdirection."),
        (
            "complexity",
            "Propose higher time or space complexity requirements, but please refrain from doing so frequently.",
        ),
    ],
)
def test_the_papers_template_with_each_of_its_heuristics(heuristic, method):
    evolve = PARAMS["evolve"]
    (message,) = evolve_messages(evolve["prompt"], evolve["heuristics"], [], heuristic, "Write a sort.\nIn C.")
    assert message == {
        "role": "user",
        "content": (
            "Please increase the difficulty of the given programming test question a bit.\n"
            "\n"
            "You can increase the difficulty using, but not limited to, the following methods:\n"
            f"{method}\n"
            "\n"
            "Write a sort.\nIn C."
        ),
    }


def test_the_paper_has_five_heuristics():
    assert sorted(PARAMS["evolve"]["heuristics"]) == [
        "complexity",
        "constraints",
        "misdirection",
        "reasoning",
        "specificity",
    ]


def test_the_alpaca_frame():
    assert fill(PARAMS["train"]["prompt"], instruction="Add 1 and {2}.") == (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n"
        "\n"
        "### Instruction:\n"
        "Add 1 and {2}.\n"
        "\n"
        "### Response:"
    )


def test_the_papers_humaneval_question():
    assert fill(PARAMS["evaluate"]["prompt"], language="Python", prompt="def f():\n    pass\n") == (
        "Create a Python script for this problem:\ndef f():\n    pass\n"
    )


def test_the_equality_question():
    assert fill(PARAMS["evolve"]["elimination"]["equal_prompt"], first="A {second}", second="B") == (
        "Here are two Instructions to ChatGPT AI, do you think they are equal to each other, "
        "which meet the following requirements:\n"
        "1. They have same constraints and requirments.\n"
        "2. They have same depth and breadth of the inquiry.\n"
        "The First Prompt: A {second}\n"
        "The Second Prompt: B\n"
        "Your Judgement (Just answer: Equal or Not Equal. No need to explain the reason.):"
    )


def test_a_filled_in_text_is_not_filled_again():
    assert fill("{a} {b}", a="{b}", b="{a}") == "{b} {a}"


@pytest.mark.parametrize("text", ["{", "}", "{}", "{ a }", "{{x}}", "{unknown}", "f'{x:>3}'", "\\1 \\g<0>"])
def test_other_braces_stay_unchanged(text):
    assert fill(text, a="1") == text
    assert fill("{a}", a=text) == text


def test_a_plain_question_is_a_chat_of_one_message():
    assert plain_messages("Why?") == [{"role": "user", "content": "Why?"}]


def test_the_prompt_version_changes_with_every_text_of_the_question():
    version = prompt_version("t", "h", SHOTS)
    assert len(version) == 8
    assert prompt_version("t", "h", SHOTS) == version
    others = [
        prompt_version("T", "h", SHOTS),
        prompt_version("t", "H", SHOTS),
        prompt_version("t", "h", SHOTS[:1]),
        prompt_version("t", "h", [SHOTS[0], Shot("Add.", "Go wider.", "Add words.")]),
    ]
    assert len({version, *others}) == 5
