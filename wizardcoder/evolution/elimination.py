"""WizardLM's elimination rules (arXiv 2304.12244, section 3.2), as functions that give the reason of a rejection.

In: an evolved instruction with its parent, or a response. Out: a reason, or None for what is kept. The first rule's
judgement is the teacher's; here stands what is asked and how the answer is read.
"""

from __future__ import annotations

import functools
import importlib.util
import re
import runpy
from collections.abc import Sequence
from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT, Count

CUT = "length"  # the finish reason of an answer that met its token limit


@dataclass(frozen=True, slots=True, config=STRICT)
class EliminationParams:
    """Thresholds; a rule is off when its switch is false, its number 0 or its list empty."""

    equal_judge: bool
    equal_prompt: str
    refusal_word: str
    refusal_under_words: Count
    empty_response: bool
    copied_run_words: Count
    copied_phrases: list[str]


def instruction_reject_reason(
    evolved: str, parent: str, asked_with: Sequence[str], params: EliminationParams
) -> str | None:
    """Say why an evolved instruction is not kept.

    Args:
        evolved: the teacher's answer.
        parent: the instruction it was asked to evolve.
        asked_with: the template and the heuristic, whose words must not come back.
        params: thresholds.
    """
    if not evolved.strip():
        return "instruction_empty"
    words, origin = _words(evolved), _words(parent)
    if words == origin:
        return "no_information_gain"
    if _copies(words, origin, asked_with, params):
        return "prompt_words_copied"
    return None


def response_reject_reason(response: str, params: EliminationParams) -> str | None:
    """Say why a response is not kept."""
    words = _words(response)
    if (
        f" {params.refusal_word.lower()} " in f" {' '.join(words)} "
        and len(response.split()) < params.refusal_under_words
    ):
        return "refusal"
    if params.empty_response and _says_nothing(words):
        return "response_empty"
    return None


def _copies(words: list[str], origin: list[str], asked_with: Sequence[str], params: EliminationParams) -> bool:
    text, parent = " ".join(words), " ".join(origin)
    phrases = [" ".join(_words(phrase)) for phrase in params.copied_phrases]
    if any(phrase in text and phrase not in parent for phrase in phrases):
        return True
    size = params.copied_run_words
    if size == 0:
        return False
    theirs = _runs(words, size) - _runs(origin, size)
    return any(theirs & _runs_of(told, size) for told in asked_with)


def _runs(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def _says_nothing(words: list[str]) -> bool:
    return all(word in _stop_words() for word in words)


@functools.lru_cache(maxsize=64)
def _runs_of(text: str, size: int) -> set[tuple[str, ...]]:
    return _runs(_words(text), size)


@functools.cache
def _stop_words() -> frozenset[str]:
    """Give scikit-learn's English stop words out of their own file: importing the package takes a second and 100 MB."""
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.submodule_search_locations
    path = Path(package.submodule_search_locations[0]) / "feature_extraction" / "_stop_words.py"
    words: frozenset[str] = runpy.run_path(str(path))["ENGLISH_STOP_WORDS"]
    return words


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:'\w+)?", text.lower())
