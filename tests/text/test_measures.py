"""Lengths, requirements and distinct n-grams, counted by hand."""

from __future__ import annotations

import pytest

from wizardcoder.text.measures import compute_distinct_share, count_requirements, count_tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n\t", 0),
        ("Sort a list.", 4),
        ("Sort [3, 1].", 7),
        ("snake_case += 1", 4),  # snake_case, +, =, 1
        ("naïve Größe", 2),
        ("don't", 3),
    ],
)
def test_tokens_are_words_and_single_punctuation_marks(text, count):
    assert count_tokens(text) == count


@pytest.mark.parametrize(
    ("instruction", "count"),
    [
        ("", 0),
        ("---", 0),
        ("Sort a list", 1),
        ("Sort a list. Print it.", 2),
        ("Sort version 3.11 lists, e.g. names.", 1),  # neither full stop ends the sentence
        ("Do this:\n- read\n- sort\n- write", 4),
        ("Steps:\n1. Read the file. Close it.\n2. Sort.", 4),  # the mark `1.` is no sentence
        ("It must sort.", 1),  # the first constraint is the statement's own
        ("It must sort in place.", 2),
        ("It must not use more than O(1) space, without recursion, in at most n steps.", 3),
        ("Sort it in O(n log n) time. Only integers are given.", 2),
        ("You can't use sort, nor don\u2019t import heapq, and never recurse.", 3),
        ("Fix this:\n```python\nx = 1. \nmust = only\n```\nQuickly.", 2),
        ("Fix this:\n```\nx = must", 1),  # an open fence reaches to the end
        ("The mustard is lonely.", 1),  # whole words alone
    ],
)
def test_requirements_are_statements_and_their_further_constraints(instruction, count):
    assert count_requirements(instruction) == count


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        (["a b c"], 1, 1.0),
        (["a a b"], 1, 2 / 3),
        (["a b", "A, b!"], 1, 0.5),  # case and punctuation do not count
        (["a b a b"], 2, 2 / 3),  # ab, ba, ab
        (["a b", "b a"], 2, 1.0),  # none reaches over two texts
        (["a b c", "a b d"], 3, 1.0),
        (["a b", "c"], 3, None),
        ([], 1, None),
        (["?"], 1, None),
    ],
)
def test_distinct_n_is_the_share_of_different_n_grams(texts, n, share):
    assert compute_distinct_share(texts, n) == (None if share is None else pytest.approx(share))
