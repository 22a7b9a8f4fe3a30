"""Refusals are recognised by how a text starts; tasks that contain the same words are not."""

from __future__ import annotations

import pytest

from wizardcoder.evolution.refusals import is_refusal, prose_of

REFUSALS = [
    "I'm sorry, but I can't assist with that request.",
    "I\u2019m sorry, but I can\u2019t assist with that request.",
    "I'm sorry, I can't help with that.",
    "Sorry, but I cannot rewrite this prompt.",
    "I am sorry, but as an AI language model, I cannot create malware.",
    "I'm very sorry, but I am unable to do this.",
    "As an AI language model, I cannot increase the difficulty of this question.",
    "As an AI language model I can't execute code.",
    "As a large language model, I do not have access to the internet.",
    "As an AI assistant, I'm not able to produce such content.",
    "As an artificial intelligence, I must decline.",
    "I cannot fulfill this request.",
    "I can\u2019t fulfil that request.",
    "I cannot comply with this request.",
    "I'm unable to help with this task.",
    "I am unable to assist with creating malicious software.",
    "I can't help with that.",
    "I cannot assist you with hacking.",
    "I won't provide instructions for building a keylogger.",
    "Unfortunately, I cannot generate harmful code.",
    "I apologize, but I can't continue with this.",
    "My apologies, but I cannot provide a more difficult version.",
    "I apologize for the confusion, but I cannot rewrite the prompt.",
    "I must decline to answer.",
    "I have to decline.",
    "I'm not able to help with that.",
    "I don't feel comfortable writing such a program.",
    "I understand that you want a harder question, but I cannot assist with that.",
    "Thank you for asking. Unfortunately, I can't help with that.",
    "I'm just an AI, so I cannot judge this.",
    "This request violates the usage policies.",
    "\"I'm sorry, but I can't assist with that.\"",
    "**I'm sorry, but I cannot help with that.**",
    "I\u2019m unable to create a more challenging version of this question.",
    "I cannot provide the rewritten prompt without the original.",
    "I'm sorry, but it is not possible to make this question harder.",
    "Sorry, I can't do that.",
]
TASKS = [
    "Write a chatbot that says \"I'm sorry, but I can't help\" when it does not know the answer.",
    "Write a program that prints 'Sorry, wrong guess!' after each wrong guess.",
    "I can't sort this list in Python. Fix my code: sorted(x).",
    "I can't connect to MySQL from Node. Write a script that prints the error.",
    "I am unable to create a table in SQLite because of a syntax error. Correct the statement.",
    "I cannot use recursion. Write an iterative Fibonacci.",
    "I can't figure out why this loop never ends: while True: pass",
    "I'm trying to write a parser, but I cannot make it handle nested lists. Complete it.",
    "As an AI language model developer, write a tokenizer.",
    "As an AI engineer, you must implement beam search.",
    "As a language model would, predict the next word with bigrams.",
    'As an AI chatbot, reply to "hello" with a greeting.',
    "Sorry the list [3, 1, 2] in ascending order.",
    'Sort the apology letters that contain "I am sorry" by date.',
    "Unfortunately the API returns strings. Convert them to integers.",
    "Classify the sentence: \"I'm sorry, but I can't come.\"",
    '"I\'m sorry", "thank you": write a function that counts these phrases in a text.',
    "Design a class Request with a method cannot_fulfill().",
    'Given the string "I cannot assist with that", reverse its words.',
    "Refuse to divide by zero: write a safe division function.",
    "Implement an exception class UnableToComply.",
    "I need a function that sorts a list of tuples.",
    "I have a list of numbers; I want their sum.",
    'Detect refusals such as "As an AI language model, I cannot" in a column of texts.',
    "Thank you messages: generate one for each customer in a CSV file.",
    "I can't use any library. Implement quicksort.",
    "I cannot change the signature of f. Write a decorator that logs its calls.",
    "I understand lists, but I cannot understand generators. Explain them with an example.",
    "Apologize to the user in the log when the parser fails.",
    "I do not have a debugger. Print the variables of this function.",
    "No loops: I can't use for or while. Sum a list.",
    "I am an AI researcher. Plot a learning curve.",
    "I'm not allowed to use numpy. Multiply two matrices.",
    "This question is about trees. Invert a binary tree.",
    "I won't have internet access. Cache the pages.",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_recognised(text):
    assert is_refusal(text)


@pytest.mark.parametrize("text", TASKS)
def test_a_task_that_contains_such_words_is_no_refusal(text):
    assert not is_refusal(text)


@pytest.mark.parametrize(
    ("response", "prose"),
    [
        ("Run this:\n```python\nprint('Sorry')\n```\nDone.", "Run this: Done."),
        ('Call print("Sorry, wrong guess!") then.', "Call print( ) then."),
        ("It prints 'Sorry' and `sorry`.", "It prints and ."),
        ("I'm sorry, I can't do that.", "I'm sorry, I can't do that."),
        ('"I am sorry, but no."', "I am sorry, but no."),
    ],
)
def test_prose_is_what_is_left_without_code_and_quotes(response, prose):
    assert " ".join(prose_of(response).split()) == prose
