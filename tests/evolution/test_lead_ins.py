"""Lead-ins are removed from an evolved instruction; tasks that start alike stay whole."""

from __future__ import annotations

import pytest

from wizardcoder.evolution.lead_ins import strip_lead_ins

LEAD_INS = [
    ("Sure! Here is a more challenging version:\n\nSort a list.", "Sort a list."),
    ("Sure, here's a more challenging version of the question:\nSort a list.", "Sort a list."),
    ("Here's the rewritten prompt:\n\nSort a list.", "Sort a list."),
    ("Here\u2019s the rewritten prompt: Sort a list.", "Sort a list."),
    ("**Evolved Question:**\nSort a list.", "Sort a list."),
    ("**Evolved Question**: Sort a list.", "Sort a list."),
    ("#Rewritten Prompt#:\nSort a list.", "Sort a list."),
    ("#Rewritten Prompt#\nSort a list.", "Sort a list."),
    ("## Rewritten Test ##\n\nSort a list.", "Sort a list."),
    ("Rewritten Test:\nSort a list.", "Sort a list."),
    ("New question: Sort a list.", "Sort a list."),
    ('New Question:\n"Sort a list."', "Sort a list."),
    ("### New Programming Question\n\nSort a list.", "Sort a list."),
    ('"Sort a list."', "Sort a list."),
    ("\u201cSort a list.\u201d", "Sort a list."),
    ("```\nSort a list.\n```", "Sort a list."),
    ("```text\nSort a list.\nFast.\n```", "Sort a list.\nFast."),
    ("Certainly! Here is the modified question with increased difficulty:\n\nSort a list.", "Sort a list."),
    (
        "Of course! Below is a revised programming question that requires more reasoning steps:\n\nSort a list.",
        "Sort a list.",
    ),
    ("Sure! Sort a list.", "Sort a list."),
    ("Sure thing! Here's a harder version of this problem:\nSort a list.", "Sort a list."),
    (
        "Here is a slightly more difficult version of the given programming test question:\n\nSort a list.",
        "Sort a list.",
    ),
    ("Here is a new task: Sort a list.", "Sort a list."),
    ('Sure! Here\'s a more challenging version:\n\n**New question:** "Sort a list."', "Sort a list."),
    ("The rewritten prompt:\nSort a list.", "Sort a list."),
    ("Modified Question: Sort a list.", "Sort a list."),
    ("Here is the question: Sort a list.", "Sort a list."),
    ("Here is the rewritten prompt:", ""),
    ("New question:", ""),
    ("**Harder Task:** Sort a list.", "Sort a list."),
    ("Rewritten question: \n\n```\nSort a list.\n```", "Sort a list."),
    ("More Challenging Version: Sort a list.", "Sort a list."),
    ("Here's an evolved version of the prompt, with more constraints:\n\nSort a list.", "Sort a list."),
    ("Okay, here is a more complex version of the original problem:\nSort a list.", "Sort a list."),
    ("Here is a revised version of the instruction: Sort a list.", "Sort a list."),
]
TASKS = [
    "Here is a list of numbers: 3, 1, 2. Sort it.",
    "Here is a new list of numbers:\n3, 1, 2. Sort it.",
    "Here's the code:\nprint(1)\nFix it.",
    "Below is a piece of code. Make it run in Python 3.",
    "Here is a modified version of the code that has a bug: x = 1",
    "Here is a new version of the API: v2. List its changes.",
    "## Problem Statement ##\nSort a list.",
    "# Problem Description\nSort a list.",
    "New questions are stored in a table. Select the latest ten.",
    "Rewritten tests must pass. Write a runner for them.",
    "Sure-fire ways to sort a list: name three.",
    '"a" and "b" are strings. Join them with "c"',
    "```python\nprint(1)\n```",
    "```\nx = 1\n```\nFix this code.\n```\ny = 2\n```",
    "Certainly is a word with 9 letters. Count the letters of each word.",
    "This is the question of a quiz: who wrote Hamlet? Write code that asks it.",
    "Of course a list may be empty: sort it anyway.",
    "Question: how many primes are below 100?",
    "Task: Write a function that sorts a list.",
    "'a' + 'b'",
    "Improved algorithms for sorting: implement one.",
    "Here is a task queue: [3, 1]. Process it.",
    'Ok is a valid status. Parse "ok" and "error".',
    "The following is a new problem in our shop: orders are lost. Write a query that finds them.",
    "Sort a list.\n\nNew question: why?",
    "Input: [1, 2]\nOutput: 3",
    "# Sort a list\n\nUse quicksort.",
    "Updated prices are in prices.csv. Print them.",
    "`x` is a list. Sort `x`",
    "More than one test fails: find out why.",
    "Your task: sort a list.",
    "Here is a challenge: sort a list without comparing.",
]


@pytest.mark.parametrize(("answer", "instruction"), LEAD_INS)
def test_a_lead_in_is_removed(answer, instruction):
    assert strip_lead_ins(answer) == instruction


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_starts_alike_is_unchanged(task):
    assert strip_lead_ins(task) == task


@pytest.mark.parametrize("answer", [answer for answer, _ in LEAD_INS])
def test_removing_lead_ins_twice_changes_nothing(answer):
    once = strip_lead_ins(answer)
    assert strip_lead_ins(once) == once
