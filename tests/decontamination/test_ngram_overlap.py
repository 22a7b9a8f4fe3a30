"""Sentences, runs of words and runs of code that two texts share, worked out by hand."""

from __future__ import annotations

import pytest

from wizardcoder.decontamination.ngram_overlap import Index, code_runs, sentences, word_runs
from wizardcoder.decontamination.pairs import statement


def share(text: set, other: set, least: int = 1) -> float:
    return Index([text], least).shares(other).get(0, 0.0)


@pytest.mark.parametrize(
    ("text", "other", "n", "expected"),
    [
        ("a b c d", "a b c d", 2, 1.0),
        ("a b c d", "a b x c d", 2, 2 / 3),  # ab, bc, cd: bc is broken
        ("a b c d", "b c", 2, 1 / 3),
        ("a b c d", "d c b a", 2, 0.0),
        ("A, b! C d.", "(a) B c; D", 3, 1.0),
        ("a a a a", "a a", 2, 1.0),  # one distinct pair
        ("a b", "a b", 3, 0.0),  # too short for a run
        ("", "a", 3, 0.0),
    ],
)
def test_the_share_is_that_of_the_texts_own_runs(text, other, n, expected):
    assert share(word_runs(text, n), word_runs(other, n)) == pytest.approx(expected)


def test_a_text_with_too_few_runs_is_found_nowhere():
    assert share(word_runs("a b c", 2), word_runs("a b c", 2), least=3) == 0
    assert share(word_runs("a b c d", 2), word_runs("a b c d", 2), least=3) == 1


def test_an_index_tells_its_texts_apart():
    index = Index([word_runs("a b c", 2), word_runs("b c d", 2), word_runs("x y", 2)], 1)
    assert index.shares(word_runs("b c d", 2)) == {0: 0.5, 1: 1.0}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("Please: sort the names by length. Thank you!", True),
        ("Sort the names\nby length", True),  # wrapped
        ("names = []\nSort the names by length\nx = 1", True),  # a line of its own
        ("Sort the names by length in descending order.", False),
        ("Do not sort the names by length.", False),
    ],
)
def test_a_sentence_is_found_only_as_a_whole(other, same):
    assert (share(sentences("Sort the names by length.", 5), sentences(other, 5)) == 1) is same


def test_sentences_count_by_their_length():
    task = sentences("You are given a list. Return how many of its numbers are odd and above a limit.", 5)
    assert share(task, sentences("You are given a list. Sort it.", 5)) == pytest.approx(5 / 17)


def test_short_sentences_do_not_count():
    assert sentences("For example. Sort a list now.", 4) == {("sort", "a", "list", "now")}


CODE = "def f(values):\n    total = 0\n    for value in values:\n        total += value\n    return total"


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("total", "t").replace("value", "v").replace("def f", "def add_all"),
        CODE.replace("total", "sum"),  # a builtin's name, but the code's own
        CODE.replace("0\n", "0  # start\n").replace("    ", "\t"),
        CODE.replace("):\n", '):\n    """Add the values in the list."""\n'),
        f"```python\n{CODE}\n```\nDon't worry.",
    ],
    ids=["renamed", "shadowing", "layout", "docstring", "fenced"],
)
def test_names_layout_comments_and_surroundings_do_not_count_in_code(other):
    assert share(code_runs(CODE, 8), code_runs(other, 8)) == 1


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("+=", "-="),
        CODE.replace("= 0", "= 1"),
        CODE.replace("total += value", "values += value"),  # names used in another way
        CODE.replace("value in values", "value in sorted(values)"),
    ],
    ids=["sign", "number", "names", "builtin"],
)
def test_what_the_code_does_counts(other):
    assert share(code_runs(CODE, 8), code_runs(other, 8)) < 1


def test_with_names_only_the_same_names_count():
    assert share(code_runs(CODE, 8, names=True), code_runs(f"# mine\n{CODE}", 8, names=True)) == 1
    assert share(code_runs(CODE, 8, names=True), code_runs(CODE.replace("total", "t"), 8, names=True)) < 0.5


def test_max_is_not_min():
    assert share(code_runs("x = max(len(a) for a in b)", 5), code_runs("y = min(len(c) for c in d)", 5)) < 1


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ('def f(x):\n    """ Double x, twice.\n    >>> f(1)\n    4\n    """\n', "Double x, twice."),
        ('"""\nWrite a function to add.\nassert add(1, 2) == 3\n"""\n', "Write a function to add."),
        (
            "// Return the first word.\n// It is in lower case.\nfn f(s: &str) -> String {",
            "Return the first word. It is in lower case.",
        ),
        ("x = 1", "x = 1"),
    ],
    ids=["humaneval", "mbpp", "multiple", "none"],
)
def test_a_statement_is_what_the_prompt_asks_in_words(prompt, text):
    assert statement(prompt) == text
