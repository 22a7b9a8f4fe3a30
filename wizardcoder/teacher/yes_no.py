"""Parsers of a teacher's one-word judgements: Yes / No, and Equal / Not Equal.

In: the text of an answer. Out: True, False, or None for an answer that is neither. Does not ask; what an unclear answer
means is the caller's decision.
"""

from __future__ import annotations

import re

_YES_OR_NO = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(not|non?)\b|n['\u2019]t\b|\b(un|in)$")


def parse_yes_no(answer: str) -> bool | None:
    """Read an answer that starts with yes or no, in any case, after any punctuation.

    >>> parse_yes_no("**Yes**, it is"), parse_yes_no("No."), parse_yes_no("Nothing")
    (True, False, None)
    """
    found = _YES_OR_NO.match(answer)
    return None if found is None else found[1].lower() == "yes"


def parse_equality(answer: str) -> bool | None:
    """Read the answer to the equality prompt (`evolve.elimination.equal_prompt`): Equal or Not Equal.

    Any negation before the first "equal" counts as not equal, so that doubt never rejects an evolution.

    >>> parse_equality("Equal."), parse_equality("They aren't equal"), parse_equality("maybe")
    (True, False, None)
    """
    before, found, _ = answer.lower().partition("equal")
    return _NEGATION.search(before) is None if found else None
