"""Fences: one parser, for Markdown as it is defined and as published evaluation rules read it."""

from __future__ import annotations

import pytest

from wizardcoder.source_code.fences import FencedBlock, parse_fences, parse_inline_fences, remove_fences


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```python\nx\n```\n", [FencedBlock("python", "x\n")]),
        ("  ~~~\nx\n  ~~~\n", [FencedBlock("", "x\n")]),
        ("````\n```\nx\n```\n````\n", [FencedBlock("", "```\nx\n```\n")]),
        ("```c++ title\nx", [FencedBlock("c++", "x")]),
        ("Use ```x``` here", []),
        ("Here: ```python\nx\n```\n", [FencedBlock("", "")]),
    ],
    ids=["backticks", "tildes", "nested", "unclosed", "inline", "not_at_line_start"],
)
def test_fences_on_lines_of_their_own(text, blocks):
    assert parse_fences(text) == blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("```python\nx\n```\n", [FencedBlock("python", "x\n")]),
        ("Here: ```py\nx```", [FencedBlock("py", "x")]),
        ("```python\nx", [FencedBlock("python", "x")]),
        ("Use ```x``` here:\n```\ny\n```", [FencedBlock("x", "", starts_line=False), FencedBlock("", "y\n")]),
        ("~~~\nx\n~~~", []),
    ],
    ids=["own_lines", "inline", "unclosed", "two", "tildes"],
)
def test_three_backticks_anywhere(text, blocks):
    assert parse_inline_fences(text) == blocks


def test_code_is_removed_from_prose():
    assert remove_fences("Sort:\n```py\nx = 1\n```\nthen print ```x```.") == "Sort:\n\n\nthen print \n."
