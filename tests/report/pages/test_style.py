"""Colours of the pages: both themes have the contrast that WCAG 2.2 AA asks for."""

from __future__ import annotations

import re

import pytest

from wizardcoder.report.pages import page

COLOURS = re.compile(r"--([a-z0-9-]+): (#[0-9a-f]{6})")
ON_GROUND = ("text", "quiet", "accent", "line1", "line2", "line3")
PAIRED = [
    ("good", "good-ground"),
    ("bad", "bad-ground"),
    ("text", "raised"),
    ("quiet", "raised"),
    ("text", "accent-soft"),
]


def luminance(colour):
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_wcag_does():
    assert round(contrast("#000000", "#ffffff"), 2) == 21.0
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


def themes():
    style = (page.TEMPLATES / "style.css").read_text()
    blocks = re.findall(r"(?::root[^{]*)\{([^}]*)\}", style)
    return [dict(COLOURS.findall(block)) for block in blocks]


def test_both_ways_to_the_dark_theme_have_the_same_colours():
    light, chosen, preferred = themes()
    assert chosen == preferred
    assert chosen.keys() == light.keys()


@pytest.mark.parametrize("theme", themes()[:2], ids=["light", "dark"])
def test_texts_have_the_contrast_of_wcag_aa(theme):
    pairs = [(name, "ground") for name in ON_GROUND] + PAIRED
    assert [(a, b) for a, b in pairs if contrast(theme[a], theme[b]) < 4.5] == []
    assert contrast(theme["edge"], theme["ground"]) >= 3  # borders of controls, axes
