"""N-grams of sentences, words and code that two texts share, worked out by hand."""

from __future__ import annotations

import pytest

from wizardcoder.decontamination.ngram_overlap import (
    NgramIndex,
    extract_code_ngrams,
    extract_sentences,
    extract_word_ngrams,
)


def share(text: set, other: set, least: int = 1) -> float:
    return NgramIndex([text], least).compute_shares(other).get(0, 0.0)


@pytest.mark.parametrize(
    ("text", "other", "n", "expected"),
    [
        ("a b c d", "a b c d", 2, 1.0),
        ("a b c d", "a b x c d", 2, 2 / 3),  # ab, bc, cd: bc is broken
        ("a b c d", "b c", 2, 1 / 3),
        ("a b c d", "d c b a", 2, 0.0),
        ("A, b! C d.", "(a) B c; D", 3, 1.0),
        ("a a a a", "a a", 2, 1.0),  # one distinct pair
        ("a b", "a b", 3, 0.0),  # too short for an n-gram
        ("", "a", 3, 0.0),
    ],
)
def test_the_share_is_that_of_the_indexed_text_s_ngrams(text, other, n, expected):
    assert share(extract_word_ngrams(text, n), extract_word_ngrams(other, n)) == pytest.approx(expected)


def test_a_text_with_too_few_ngrams_is_never_found():
    assert share(extract_word_ngrams("a b c", 2), extract_word_ngrams("a b c", 2), least=3) == 0
    assert share(extract_word_ngrams("a b c d", 2), extract_word_ngrams("a b c d", 2), least=3) == 1


def test_an_index_distinguishes_its_texts():
    index = NgramIndex(
        [extract_word_ngrams("a b c", 2), extract_word_ngrams("b c d", 2), extract_word_ngrams("x y", 2)], 1
    )
    assert index.compute_shares(extract_word_ngrams("b c d", 2)) == {0: 0.5, 1: 1.0}


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
def test_only_a_complete_sentence_is_found(other, same):
    assert (share(extract_sentences("Sort the names by length.", 5), extract_sentences(other, 5)) == 1) is same


def test_a_sentence_s_weight_is_its_length():
    task = extract_sentences("You are given a list. Return how many of its numbers are odd and above a limit.", 5)
    assert share(task, extract_sentences("You are given a list. Sort it.", 5)) == pytest.approx(5 / 17)


def test_short_sentences_are_ignored():
    assert extract_sentences("For example. Sort a list now.", 4) == {("sort", "a", "list", "now")}


CODE = "def f(values):\n    total = 0\n    for value in values:\n        total += value\n    return total"


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("total", "t").replace("value", "v").replace("def f", "def add_all"),
        CODE.replace("total", "sum"),  # a builtin's name, but assigned by the code
        CODE.replace("0\n", "0  # start\n").replace("    ", "\t"),
        CODE.replace("):\n", '):\n    """Add the values in the list."""\n'),
        f"```python\n{CODE}\n```\nDon't worry.",
    ],
    ids=["renamed", "shadowing", "layout", "docstring", "fenced"],
)
def test_names_layout_comments_and_surrounding_text_of_code_are_ignored(other):
    assert share(extract_code_ngrams(CODE, 8), extract_code_ngrams(other, 8)) == 1


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace("+=", "-="),
        CODE.replace("= 0", "= 1"),
        CODE.replace("total += value", "values += value"),  # names in another order
        CODE.replace("value in values", "value in sorted(values)"),
    ],
    ids=["sign", "number", "names", "builtin"],
)
def test_other_operations_are_other_ngrams(other):
    assert share(extract_code_ngrams(CODE, 8), extract_code_ngrams(other, 8)) < 1


def test_kept_names_have_to_be_the_same():
    assert (
        share(extract_code_ngrams(CODE, 8, keep_names=True), extract_code_ngrams(f"# mine\n{CODE}", 8, keep_names=True))
        == 1
    )
    assert (
        share(
            extract_code_ngrams(CODE, 8, keep_names=True),
            extract_code_ngrams(CODE.replace("total", "t"), 8, keep_names=True),
        )
        < 0.5
    )


def test_max_is_not_min():
    assert (
        share(
            extract_code_ngrams("x = max(len(a) for a in b)", 5), extract_code_ngrams("y = min(len(c) for c in d)", 5)
        )
        < 1
    )
