"""WizardLM's four elimination rules: each rejects what it should, keeps near misses, and can be switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from wizardcoder.evolution.elimination import (
    EliminationParams,
    instruction_reject_reason,
    response_reject_reason,
)
from wizardcoder.evolution.stop_words import ENGLISH_STOP_WORDS

RULES = EliminationParams(
    equal_judge=True,
    equal_prompt="{first} {second}",
    refusal_word="sorry",
    refusal_under_words=80,
    refusal_word_in_code=False,
    refusal_start=True,
    strip_lead_ins=True,
    empty_response=True,
    copied_run_words=6,
    copied_phrases=["given prompt", "#Rewritten Prompt#"],
)
OFF = replace(
    RULES, refusal_under_words=0, refusal_start=False, empty_response=False, copied_run_words=0, copied_phrases=[]
)
PROMPT_TEXTS = ("Please increase the difficulty of the given question a bit.\n{method}\n{question}", "Add more steps.")
PARENT = "Write a sort."


@pytest.mark.parametrize("evolved", ["Write a sort.", "write  a\nSORT", "Write a sort!!"])
def test_rule_1_fires_when_nothing_but_case_and_punctuation_changed(evolved):
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, RULES) == "no_information_gain"


@pytest.mark.parametrize("evolved", ["Write a sort in place.", "Write a stable sort.", "Write sort a."])
def test_rule_1_lets_a_changed_instruction_pass(evolved):
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, RULES) is None


@pytest.mark.parametrize("evolved", ["", " \n\t"])
def test_an_empty_instruction_is_rejected(evolved):
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, OFF) == "instruction_empty"


@pytest.mark.parametrize(
    "response", ["Sorry, I cannot do that.", "I'm SORRY.", "sorry " + "word " * 78, "I am so sorry about that"]
)
def test_rule_2_rejects_a_short_response_that_is_sorry(response):
    assert response_reject_reason(response, RULES) == "refusal"


@pytest.mark.parametrize(
    "response", ["sorry " + "word " * 79, "def sorry_page(): return template", "A sorrysome case", "I regret that."]
)
def test_rule_2_lets_long_answers_and_other_words_pass(response):
    assert response_reject_reason(response, RULES) is None


GUESS = "```python\nprint('Sorry, wrong guess!')\n```"


@pytest.mark.parametrize("response", [GUESS, 'print("Sorry, wrong guess!")', "It says 'sorry' twice."])
def test_rule_2_counts_the_word_in_code_and_quotes_only_if_asked_to(response):
    assert response_reject_reason(response, RULES) is None
    assert response_reject_reason(response, replace(RULES, refusal_word_in_code=True)) == "refusal"


@pytest.mark.parametrize(
    "response", ["I can\u2019t assist with that request.", "As an AI language model, I cannot run it."]
)
def test_rule_2_rejects_a_short_response_that_starts_as_a_refusal(response):
    assert response_reject_reason(response, RULES) == "refusal"
    assert response_reject_reason(response, replace(RULES, refusal_start=False)) is None
    assert response_reject_reason(f"{response}\n{GUESS}", RULES) is None
    assert response_reject_reason(response + " word" * 80, RULES) is None


@pytest.mark.parametrize("apostrophe", ["'", "\u2019"])
def test_rule_2_rejects_an_instruction_that_is_a_refusal(apostrophe):
    evolved = f"I{apostrophe}m sorry, but I can{apostrophe}t assist with that request."
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, RULES) == "instruction_refused"
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, replace(RULES, refusal_start=False)) is None


def test_rule_2_can_be_switched_off():
    assert response_reject_reason("Sorry, I cannot.", replace(RULES, refusal_under_words=0)) is None


@pytest.mark.parametrize("response", ["", "  \n", "...!?", "```\n```", "it is", "and the of, to"])
def test_rule_3_rejects_punctuation_and_stop_words(response):
    assert response_reject_reason(response, RULES) == "response_empty"


@pytest.mark.parametrize("response", ["42", "it is x", "中文", "return"])
def test_rule_3_lets_a_single_word_of_content_pass(response):
    assert response_reject_reason(response, RULES) is None


def test_rule_3_can_be_switched_off():
    assert response_reject_reason("...", replace(RULES, empty_response=False)) is None


@pytest.mark.parametrize(
    "evolved",
    [
        "Here is the given prompt: write a sort.",
        "GIVEN  Prompt",
        "The rewritten prompt asks for a sort.",
        "Increase the difficulty of the given tests.",
        "please, INCREASE the difficulty of the given thing",
    ],
)
def test_rule_4_rejects_copied_words_of_the_evolving_prompt(evolved):
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, RULES) == "prompt_words_copied"


@pytest.mark.parametrize(
    "evolved",
    [
        "Show a prompt that is given by the user.",
        "Increase the difficulty of the game.",
        "Add more steps.",
        "Sort by difficulty of the given question.",
    ],
)
def test_rule_4_lets_shorter_runs_and_other_phrases_pass(evolved):
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, RULES) is None


def test_rule_4_allows_the_words_that_the_parent_had_already():
    parent = "Print the given prompt, then increase the difficulty of the given level."
    evolved = "Print the given prompt twice, then increase the difficulty of the given level."
    assert instruction_reject_reason(evolved, parent, PROMPT_TEXTS, RULES) is None


@pytest.mark.parametrize(
    ("evolved", "rules"),
    [
        ("Here is the given prompt.", replace(RULES, copied_phrases=[])),
        ("Increase the difficulty of the given sort.", replace(RULES, copied_run_words=0)),
    ],
)
def test_rule_4_can_be_switched_off_by_halves(evolved, rules):
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, RULES) == "prompt_words_copied"
    assert instruction_reject_reason(evolved, PARENT, PROMPT_TEXTS, rules) is None


def test_with_every_rule_off_only_what_is_no_evolution_is_rejected():
    assert instruction_reject_reason("Increase the difficulty of the given prompt", PARENT, PROMPT_TEXTS, OFF) is None
    assert response_reject_reason("Sorry.", OFF) is None
    assert response_reject_reason("", OFF) is None


def test_the_stop_words_are_those_of_scikit_learn():
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS as SKLEARN_WORDS

    assert ENGLISH_STOP_WORDS == SKLEARN_WORDS
