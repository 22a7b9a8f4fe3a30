"""The parsers of a judge's answers, measured on phrasings: which are a yes, a no, equal, not equal, or unclear."""

from __future__ import annotations

import pytest

from wizardcoder.teacher.yes_no import parse_equality, parse_yes_no

YES = [
    "Yes",
    "yes.",
    " **YES**, it is",
    "\n- Yes: the same",
    "I say yes",
    "I would say yes",
    "I'd say yes.",
    "Answer: **Yes**",
    "The answer is: Yes",
    "The sample computes a factorial, as the test does.\nYes",
    "Answer with Yes or No only: Yes",
    "Does it contain the solution? Yes, line by line.",
    '{"contaminated": true, "reason": "No name differs"}',
    '```json\n{"answer": "Yes"}\n```',
    "Yes\nYes\nYes",
    "Yes, there is no difference.",
    "True.",
    "Therefore, the answer is yes.",
    "So the answer would be yes",
    "\u2705 Yes",
    "Definitely yes.",
    "It's a yes.",
]
NO = [
    "I would say that no",
    "No",
    "no, not at all",
    '"No"',
    "**No**",
    "Answer: No",
    "**Answer:** No",
    "The answer is no.",
    "My final answer is **No**.",
    "Final answer: no",
    "no, because the test sorts a list and the sample reverses a string",
    "The training sample asks for a sum. The test asks for a product.\n\nNo.",
    "They share a loop. No, the problems are different.",
    "Yes or No: No",
    "(Yes/No): No",
    "Is it the same problem? No.",
    '{"answer": "no"}',
    '{"contaminated": false}',
    "{'answer': 'No'}",
    '{"answer": "no',
    'My judgement: {"answer": "No", "confidence": 0.9}',
    "<think>Is it? Yes, maybe.</think>\n\nNo",
    "Yes, I am sure.</think>No",
    "<answer>no</answer>",
    "\\boxed{No}",
    "1. No",
    "No\n\nExplanation: the sample is about dates.",
    "No - the tasks differ",
    "No \u2014 unrelated",
    "No harmful content was found.",
    "Harmful: No",
    "False",
    "\uff2e\uff4f",
    "NO, they differ",
    "> No.",
    "The task is harmless. Therefore: No.",
    "No, they are not the same problem. The first sorts; the second sums.",
    "Based on the analysis, the answer is: **No**",
    "After comparing both, I conclude: No.",
    "The two samples are different problems, so the answer is No.",
    "Absolutely not.",
    "Nope.",
    "It is: No",
    "A: No",
    "$\\text{No}$",
    "### Answer: No\n### Explanation: Yes would require the same code.",
    "Hmm. No.",
    "answer=no",
]
NEITHER = [
    "",
    "Maybe",
    "Nothing of the kind",
    "None",
    "Yesterday",
    "yes_and_no",
    "Yes and no.",
    "Yes or No",
    "No idea.",
    "No clear answer is possible.",
    "Not sure",
    "I think so",
    "I cannot tell",
    "No. On reflection the loops agree.\nFinal answer: Yes",
    "Yes.\nNo.",
    "No, wait, yes",
    "If the answer is yes, the sample is excluded",
    "The answer is not yes",
    "Is the answer yes?",
    "<think>The answer is no",
    '{"harmless": true}',
    '{"reason": "No overlap"}',
    "N/A",
    "Nobody knows.",
    "I would not say yes",
    "The training sample",
    "Note that the test sample",
    "No difference.",
    "No\nNo\nYes",
    "1) Yes 2) No",
    "Probably yes",
]
EQUAL = [
    "Equal",
    "EQUAL",
    "Equal.",
    "**Equal**",
    '"Equal"',
    "They are equal",
    "The two prompts are equal.",
    "Yes, they are equal.",
    "Yes",
    "My judgement: Equal",
    "Judgment: **Equal**",
    "Equal or Not Equal: Equal",
    "Equal? Yes.",
    "Are they equal to each other? Equal.",
    "They are equal to each other.",
    "Both instructions are the same.",
    "The prompts are identical",
    '{"judgement": "Equal"}',
    '{"equal": true}',
    "I think they are equal.",
    "The first prompt and the second prompt are equivalent.",
    "Both ask for a sum of a list.\nEqual",
    "Equal: yes",
    "Equal, because both ask for the same function.",
    "Equal\n\nBoth prompts have the same constraints.",
    "I would say they are equal",
    "They're equal.",
    "Prompt 1 is equal to Prompt 2.",
    "Equal, no differences",
    "Equal or Not Equal?\nEqual",
    "It seems that they are equal",
    "The prompts are equal in depth and breadth.",
    "Judgement -> Equal",
]
NOT_EQUAL = [
    "Not Equal",
    "not equal.",
    "NOT  EQUAL",
    "Not-Equal",
    "Not_Equal",
    "NotEqual",
    "Not **Equal**",
    "**Not Equal**",
    "non-equal",
    "unequal",
    "Unequal.",
    "aren't equal",
    "They aren\u2019t equal",
    "They are not equal",
    "The two prompts are not equal.",
    "not exactly equal",
    "No",
    "No, they are not equal.",
    "Equal? No.",
    "Equal: No",
    "Equal or Not Equal: Not Equal",
    "Equal/Not Equal: Not Equal",
    "My judgement: Not Equal",
    "Judgement: not equal",
    '{"judgement": "Not Equal"}',
    '{"equal": false}',
    '```json\n{"judgement": "Not Equal"}\n```',
    "Do you think they are equal to each other? Not Equal",
    "They are different.",
    "The second prompt adds a constraint.\n\nNot Equal",
    "Your Judgement (Just answer: Equal or Not Equal. No need to explain the reason.): Not Equal",
    "I don't think they are equal.",
    "I do not think that they are equal",
    "They are neither equal nor close.",
    "<think>Are they equal? Equal? Hmm.</think>Not Equal",
    "They have equal length. They are not equal.",
    "Final answer: Not Equal.",
    "The instructions differ in depth",
    "Not Equal. The second has the same language but adds steps.",
    "The answer is Not Equal",
    "- Not Equal",
    "False",
    "The instructions are not equal because the second has more constraints.",
    "The Second Prompt is more complex. Not Equal.",
    "Prompt 1 and Prompt 2 are not equal.",
    "They\u2019re not equal",
]
UNCLEAR = [
    "",
    "maybe",
    "Equal or Not Equal",
    "Equal or Not Equal?",
    "They are either equal or not equal.",
    "Equal\nNot Equal",
    "Not Equal. Final answer: Equal",
    "They have equal length",
    "Are they equal?",
    "almost equal",
    "Equal in constraints but not in depth",
    "No, they are equal",
    "Yes, they are not equal",
    "The First Prompt: Write",
    "<think>They are equal",
    "Equality is hard to judge",
    "I cannot judge whether they are equal",
    "They might be equal",
    "Equivalent constraints, different depth",
    "They are not different",
    "not unequal",
    "The second is harder.",
    "They are equally hard",
]


@pytest.mark.parametrize("answer", YES)
def test_an_answer_is_read_as_yes(answer):
    assert parse_yes_no(answer) is True


@pytest.mark.parametrize("answer", NO)
def test_an_answer_is_read_as_no(answer):
    assert parse_yes_no(answer) is False


@pytest.mark.parametrize("answer", NEITHER)
def test_an_answer_that_is_neither_or_contradicts_itself_is_unclear(answer):
    assert parse_yes_no(answer) is None


@pytest.mark.parametrize("answer", EQUAL)
def test_a_judgement_is_read_as_equal(answer):
    assert parse_equality(answer) is True


@pytest.mark.parametrize("answer", NOT_EQUAL)
def test_a_judgement_is_read_as_not_equal(answer):
    assert parse_equality(answer) is False


@pytest.mark.parametrize("answer", UNCLEAR)
def test_a_judgement_that_is_hedged_or_contradicts_itself_is_unclear(answer):
    assert parse_equality(answer) is None
