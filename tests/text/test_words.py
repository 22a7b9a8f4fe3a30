"""Words and signs: how a text is measured without a model."""

from __future__ import annotations

import pytest

from wizardcoder.text.words import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("if x>=2:", ["if", "x", ">", "=", "2", ":"]),
        ("Sum  the\n\tLIST", ["sum", "the", "list"]),
        ("snake_case 3.14", ["snake_case", "3", ".", "14"]),
        ("größe 数", ["größe", "数"]),
        (" \n", []),
        ("", []),
    ],
)
def test_a_text_is_its_words_and_its_signs_one_by_one(text, found):
    assert words(text) == found
