"""Words: one tokenizer with three meanings."""

from __future__ import annotations

import pytest

from wizardcoder.text.words import has_words, split_contractions, split_tokens, split_words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if x>=2:", ["if", "x", ">", "=", "2", ":"]),
        ("Sum  the\n\tLIST", ["Sum", "the", "LIST"]),
        ("snake_case 3.14", ["snake_case", "3", ".", "14"]),
        ("größe 数", ["größe", "数"]),
        (" \n", []),
        ("", []),
    ],
)
def test_tokens_are_words_and_single_punctuation_marks(text, found):
    assert split_tokens(text) == found


def test_words_leave_punctuation_out():
    assert split_words("Don't sort [3, 1].") == ["Don", "t", "sort", "3", "1"]


def test_contractions_are_one_word():
    assert split_contractions("Don't sort the lists' [3, 1].") == ["Don't", "sort", "the", "lists", "3", "1"]


@pytest.mark.parametrize(("text", "found"), [("x", True), ("?!", False), ("", False), ("数", True)])
def test_a_text_of_punctuation_has_no_words(text, found):
    assert has_words(text) is found
