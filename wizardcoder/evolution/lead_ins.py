"""Remove what chat models put around an evolved instruction: "Sure! Here is ...:", a heading, quotes, a fence.

In: the teacher's answer. Out: the instruction alone. Only text about the rewriting itself is removed: "Here is a list
of numbers: ..." and "## Problem Statement" belong to the task. Does not cover remarks after the instruction.
"""

from __future__ import annotations

import re

_CHANGED = (
    r"(?:(?:re-?written|evolved|new|modified|revised|updated|improved|enhanced|upgraded|increased|complex|difficult"
    r"|challenging|advanced|harder|tougher|complicated|rephrased|reworded|slightly|more|much|even|bit|better)[\s-]+)"
)
_NOUN = r"(?:(?:programming|coding|test|code)\s+)*(?:question|prompt|instruction|task|problem|test|challenge|exercise)"
_OF_IT = rf"(?:\s+of\s+(?:the|your|this|that)\s+(?:(?:given|original|above|initial|previous)\s+)?{_NOUN})"
_LINE = r"[ \t]*(?:\n+|$)"

_COURTESY = re.compile(
    r"(?:sure|certainly|of course|absolutely|okay|ok)(?: thing)?(?:!+\s+|[.,:]?\s+(?=here\b|below\b))", re.I
)
_SENTENCE = re.compile(
    r"(?:here(?:'s| is| are)|below is|this is|the following is)\s+(?:(?:the|an?|your|my)\s+)?"
    rf"(?:(?P<change>{_CHANGED}+)(?:{_NOUN}|(?:version|variation|variant){_OF_IT}?)|(?:question|prompt|instruction))"
    # words about the change only where the colon ends the line
    rf"(?:\s*:[ \t]*\n*|,?\s+(?:with|that|which|by|using|based|including|incorporating)\b[^:\n]{{0,150}}:{_LINE})",
    re.I,
)
_HEADING = re.compile(
    rf"(?P<mark>[#*_\s]*)(?:the\s+)?{_CHANGED}+(?:{_NOUN}|version{_OF_IT}?)(?:\s+\d+)?\s*"
    rf"(?:[#*_]*\s*:[#*_]*[ \t]*\n*|[#*_]+{_LINE}|(?<=\w){_LINE})",
    re.I,
)
_FENCE = re.compile(
    r"(`{3,}|~{3,})[ \t]*(?:text|txt|plain|plaintext|markdown|md)?[ \t]*\n(?P<text>.*?)\n?\1[ \t]*", re.S
)
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb", "`": "`"}


def strip_lead_ins(answer: str) -> str:
    r"""Return an instruction without lead-ins, and without quotes or a fence around the whole; "" if nothing is left.

    The result has no lead-in: applying the function again changes nothing.

    >>> strip_lead_ins("Sure! Here's a more challenging version:\n\n**New question:** Sort a list in place.")
    'Sort a list in place.'
    """
    text = answer.strip()
    while (shorter := _strip_once(text)) != text:
        text = shorter
    return text


def unwrap(text: str) -> str:
    """Return a text without the quotes or the plain fence around the whole of it."""
    fenced = _FENCE.fullmatch(text)
    if fenced and fenced[1] not in fenced["text"]:
        return fenced["text"].strip()
    closing = _QUOTES.get(text[:1])
    if closing and len(text) > 1 and text.endswith(closing) and not {text[0], closing} & set(text[1:-1]):
        return text[1:-1].strip()
    return text


def _strip_once(text: str) -> str:
    for pattern in (_COURTESY, _SENTENCE, _HEADING):
        found = pattern.match(text.replace("\u2019", "'"))
        if found is not None:
            return text[found.end() :].lstrip()
    return unwrap(text)
