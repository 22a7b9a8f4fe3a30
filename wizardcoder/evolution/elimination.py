"""WizardLM's elimination rules (arXiv 2304.12244, section 3.2): functions that return the reason of a rejection.

In: an evolved instruction with its parent, or a response. Out: a reason, or None if it is kept. Lead-ins of an
instruction are removed before (lead_ins.py). Does not ask the teacher whether two instructions are equal (rule 1):
evolve_one.py asks, teacher/yes_no.py reads the answer.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT, Count
from wizardcoder.evolution.refusals import is_refusal, prose_of
from wizardcoder.evolution.stop_words import ENGLISH_STOP_WORDS
from wizardcoder.text.words import split_contractions


@dataclass(frozen=True, slots=True, config=STRICT)
class EliminationParams:
    """Thresholds; a rule is off if its switch is false, its number 0 or its list empty."""

    equal_judge: bool
    equal_prompt: str
    refusal_word: str
    refusal_under_words: Count
    refusal_word_in_code: bool
    refusal_start: bool
    strip_lead_ins: bool
    empty_response: bool
    copied_run_words: Count
    copied_phrases: list[str]


def instruction_reject_reason(
    evolved: str, parent: str, prompt_texts: Sequence[str], params: EliminationParams
) -> str | None:
    """Return why an evolved instruction is rejected; None if it is kept.

    Args:
        evolved: the teacher's answer, without lead-ins.
        parent: the instruction that was evolved.
        prompt_texts: the template and the heuristic, whose words the answer must not copy.
        params: thresholds.
    """
    if not evolved.strip():
        return "instruction_empty"
    if params.refusal_start and is_refusal(evolved):
        return "instruction_refused"
    words, parent_words = _words(evolved), _words(parent)
    if words == parent_words:
        return "no_information_gain"
    if _copies_prompt(words, parent_words, prompt_texts, params):
        return "prompt_words_copied"
    return None


def response_reject_reason(response: str, params: EliminationParams) -> str | None:
    """Return why a response is rejected; None if it is kept."""
    if len(response.split()) < params.refusal_under_words and _refuses(response, params):
        return "refusal"
    words = _words(response)
    if params.empty_response and all(word in ENGLISH_STOP_WORDS for word in words):
        return "response_empty"
    return None


def _refuses(response: str, params: EliminationParams) -> bool:
    searched = response if params.refusal_word_in_code else prose_of(response)
    if f" {params.refusal_word.lower()} " in f" {' '.join(_words(searched))} ":
        return True
    return params.refusal_start and "```" not in response and is_refusal(response)


def _copies_prompt(
    words: list[str], parent_words: list[str], prompt_texts: Sequence[str], params: EliminationParams
) -> bool:
    """Check for a listed phrase, or a run of words of the prompt, that the parent does not contain."""
    text, parent = " ".join(words), " ".join(parent_words)
    phrases = [" ".join(_words(phrase)) for phrase in params.copied_phrases]
    if any(phrase in text and phrase not in parent for phrase in phrases):
        return True
    size = params.copied_run_words
    if size == 0:
        return False
    new_runs = _word_runs(words, size) - _word_runs(parent_words, size)
    return any(new_runs & _prompt_runs(prompt, size) for prompt in prompt_texts)


def _word_runs(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


@functools.lru_cache(maxsize=64)
def _prompt_runs(prompt: str, size: int) -> set[tuple[str, ...]]:
    return _word_runs(_words(prompt), size)


def _words(text: str) -> list[str]:
    return split_contractions(text.lower().replace("\u2019", "'"))
