"""Which share of a test sample's text or code a training sample contains.

In: problems and texts. Out: for each text and problem, the part of the problem with the largest overlap. The n-grams
themselves: ngram_overlap.py. Does not cover: paraphrases, which share no n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.compared_texts import extract_statement
from wizardcoder.decontamination.ngram_overlap import (
    Ngram,
    NgramIndex,
    extract_code_ngrams,
    extract_sentences,
    extract_word_ngrams,
)
from wizardcoder.decontamination.settings import RuleParams


@dataclass(frozen=True, slots=True)
class Overlap:
    """The share, from 0 to 1, of a part of the test sample that the training sample contains.

    Parts: `statement`, its sentences; `prompt`, its words; `program`, the tokens of the solution and its signature with
    their names; `solution`, the tokens of the solution with names ignored.
    """

    part: str
    share: float


class OverlapIndex:
    """Finds the overlaps of texts with a fixed list of problems."""

    def __init__(self, problems: Sequence[Problem], rule: RuleParams) -> None:
        self._rule = rule
        texts = {
            "statement": [extract_statement(problem.prompt) for problem in problems],
            "prompt": [problem.prompt for problem in problems],
            "program": [_extract_program(problem) for problem in problems],
            "solution": [problem.canonical_solution for problem in problems],
        }
        minimum = {"statement": 1, "prompt": rule.min_ngrams, "program": 1, "solution": rule.min_ngrams}
        self._indexes = {
            part: NgramIndex([self._extract(part, text) for text in texts[part]], minimum[part]) for part in texts
        }

    def find(self, text: str) -> dict[int, Overlap]:
        """Return by problem number its part with the largest overlap, relative to the share that the rule requires."""
        best: dict[int, Overlap] = {}
        for part, index in self._indexes.items():
            for number, share in index.compute_shares(self._extract(part, text)).items():
                found, previous = Overlap(part, share), best.get(number)
                if previous is None or self._relative(found) > self._relative(previous):
                    best[number] = found
        return best

    def _relative(self, overlap: Overlap) -> float:
        """Divide a share by the required one; 1 and more is a match."""
        return overlap.share / max(required_share(overlap.part, self._rule), 1e-9)

    def _extract(self, part: str, text: str) -> set[Ngram]:
        if part == "statement":
            return extract_sentences(text, self._rule.sentence_words)
        if part == "prompt":
            return extract_word_ngrams(text, self._rule.ngram_words)
        if part == "program":
            return extract_code_ngrams(text, self._rule.ngram_words, keep_names=True)
        return extract_code_ngrams(text, self._rule.ngram_tokens)


def required_share(part: str, rule: RuleParams) -> float:
    """Return the share of a part from which the rule matches."""
    return rule.min_code_overlap if part in ("program", "solution") else rule.min_overlap


def _extract_program(problem: Problem) -> str:
    """Return the solution with its signature, without the docstring between them."""
    signatures = [line for line in problem.prefix.splitlines() if line.startswith("def ")]
    return "\n".join([*signatures[-1:], problem.canonical_solution])
