"""Measures of instructions: length, number of requirements, diversity of a set. No model is needed.

In: texts. Out: counts and shares. The counts are simple on purpose: they are the same in every project and under every
tokenizer, so rounds can be compared. Similarity between texts: nearest.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from wizardcoder.source_code.fences import remove_fences
from wizardcoder.text.words import has_words, split_tokens, split_words

_ITEM_MARK = re.compile(r"^\s*(?:[-*+\u2022]|\(?(?:\d{1,2}|[a-z])[.)])\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z\s])")
_CONSTRAINTS = re.compile(
    r"\b(?:(?:must|should|shall|may)(?:\s+not)?|cannot|(?:ca|do)n['\u2019]t|do\s+not|never"
    r"|without|unless|except|only|exactly|at\s+(?:least|most)|no\s+(?:more|less|fewer)\s+than"
    r"|(?:has|have|needs?)\s+to|requires?|required"
    r"|instead\s+of|rather\s+than|ensure|ensuring|make\s+sure|limit(?:ed)?\s+to|in\s+place|in\s+O\()",
    flags=re.IGNORECASE,
)


def count_tokens(text: str) -> int:
    """Count words and punctuation marks: the length measure of every round, whatever the teacher's tokenizer.

    >>> count_tokens("Sort [3, 1].")
    7
    """
    return len(split_tokens(text))


def count_requirements(instruction: str) -> int:
    """Count the requirements of an instruction: its statements, plus each further constraint within a statement.

    A statement is a sentence, a line or a list item that contains a word; fenced code does not count. Constraints are
    phrases such as `must`, `only`, `without`, `at least`, `in O(`.

    >>> count_requirements("Sort a list. It must be in place, without recursion.")
    4
    """
    prose = remove_fences(instruction)
    lines = (_ITEM_MARK.sub("", line) for line in prose.splitlines())
    statements = (part for line in lines for part in _SENTENCE_END.split(line) if has_words(part))
    return sum(max(1, len(_CONSTRAINTS.findall(statement))) for statement in statements)


def compute_distinct_share(texts: Iterable[str], n: int) -> float | None:
    """Compute distinct-n (arXiv 1510.03055): the share of distinct n-grams among all word n-grams of the texts.

    It falls as texts are added, so only sets of the same size can be compared. None if no text has n words.
    """
    seen: set[tuple[str, ...]] = set()
    total = 0
    for text in texts:
        words = split_words(text.lower())
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        total += len(grams)
        seen.update(grams)
    return len(seen) / total if total else None
