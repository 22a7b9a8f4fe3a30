"""The parsers of one-word judgements: which answers are a yes, a no, equal, not equal, or none of these."""

from __future__ import annotations

import pytest

from wizardcoder.teacher.yes_no import parse_equality, parse_yes_no


# screening and decontamination had a pattern each, which accepted the same answers: all of these hold for both
@pytest.mark.parametrize(
    ("answer", "parsed"),
    [
        ("Yes", True),
        ("yes.", True),
        (" **YES**, it is", True),
        ("\n- Yes: the same", True),
        ("No", False),
        ("no, not at all", False),
        ('"No"', False),
        ("Nothing of the kind", None),
        ("None", None),
        ("Yesterday", None),
        ("yes_and_no", None),
        ("I say yes", None),
        ("Maybe", None),
        ("", None),
    ],
)
def test_an_answer_is_read_by_the_word_it_starts_with(answer, parsed):
    assert parse_yes_no(answer) is parsed


@pytest.mark.parametrize(
    ("answer", "parsed"),
    [
        ("Equal", True),
        ("EQUAL", True),
        ("Equal.", True),
        ("They are equal", True),
        ("Not Equal", False),
        ("not equal.", False),
        ("NOT  EQUAL", False),
        ("unequal", False),
        ("", None),
        ("maybe", None),
    ],
)
def test_the_equality_judgement_is_read(answer, parsed):
    assert parse_equality(answer) is parsed


@pytest.mark.parametrize("answer", ["Not-Equal", "Not **Equal**", "non-equal", "aren't equal", "not exactly equal"])
def test_a_negation_is_never_read_as_equal(answer):
    assert parse_equality(answer) is False
