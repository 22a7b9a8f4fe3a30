"""Finds pairs of a test sample and a training sample that a judge should look at.

In: the benchmarks' problems, training samples, and the solutions found by execution. Out: pairs with their similarity
(by the embedder) and overlap. Does not judge them (judgements.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wizardcoder.core import console
from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.decontamination.compared_texts import select_embedded_texts
from wizardcoder.decontamination.overlap import Overlap, OverlapIndex, required_share
from wizardcoder.decontamination.settings import RuleParams
from wizardcoder.text.embeddings import embed
from wizardcoder.text.tfidf import find_nearest_rows


@dataclass(frozen=True, slots=True)
class Pair:
    """A test sample and a training sample close to it.

    `similarity` is the cosine of the texts from `select_embedded_texts`. `solution` describes how the training sample's
    code solves the test sample; None if it does not, or was not run.
    """

    test: BenchmarkProblem
    example: Example
    similarity: float
    overlap: Overlap
    solution: str | None = None


class PairSearch:
    """Finds the training samples close to each test sample.

    `solutions` maps the number of a training sample to the numbers of the test samples that its code solves, and how.
    """

    def __init__(
        self,
        tests: Sequence[BenchmarkProblem],
        examples: Sequence[Example],
        embedder: str,
        rule: RuleParams,
        cache: Path,
        *,
        solutions: Mapping[int, Mapping[int, str]] | None = None,
    ) -> None:
        self._tests, self._examples, self._rule, self._solutions = tests, examples, rule, solutions or {}
        self._queries, self._corpus = embed(embedder, *select_embedded_texts(embedder, tests, examples), cache)
        self._overlaps = OverlapIndex([test.problem for test in tests], rule)

    def find(
        self, tests: Sequence[int], first: int, end: int, *, copies: bool = False, solutions: bool = False
    ) -> Iterator[tuple[int, Pair]]:
        """Yield (test number, pair) for the samples at ranks [first, end) of similarity to each of these tests.

        Args:
            tests: numbers of test samples.
            first: rank, from 0.
            end: rank after the last.
            copies: also yield every sample, at any rank, whose overlap with a test sample reaches the required share.
            solutions: with `copies`, also yield every sample that solves a test sample.
        """
        near: dict[int, dict[int, float]] = {}
        ranked = find_nearest_rows(self._queries[list(tests)], self._corpus, end)
        for test, ranks in zip(tests, ranked, strict=True):
            for number, similarity in ranks[first:]:
                near.setdefault(number, {})[test] = similarity
        with console.track("decontaminate: comparing", len(self._examples) if copies else len(near)) as bar:
            for number in range(len(self._examples)) if copies else sorted(near):
                yield from self._pairs_of(number, near.get(number, {}), copies=copies, solutions=solutions)
                bar.advance()

    def _pairs_of(
        self, number: int, near: dict[int, float], *, copies: bool, solutions: bool
    ) -> Iterator[tuple[int, Pair]]:
        example, solved = self._examples[number], self._solutions.get(number, {})
        overlaps = self._overlaps.find(example.full_text)
        added = {t for t, o in overlaps.items() if o.share >= required_share(o.part, self._rule)} if copies else set()
        if copies and solutions:
            added |= solved.keys()
        for test in sorted(near.keys() | added):
            similarity = near[test] if test in near else self._similarity(test, number)
            overlap = overlaps.get(test, Overlap("prompt", 0.0))
            yield test, Pair(self._tests[test], example, similarity, overlap, solved.get(test))

    def _similarity(self, test: int, number: int) -> float:
        query, other = self._queries[[test]], self._corpus[[number]]
        if isinstance(query, np.ndarray):
            return float(query[0] @ other[0])
        return float(query.multiply(other).sum())


def largest_similarities(pairs: Iterable[Pair]) -> dict[str, list[float]]:
    """Return by benchmark the similarity of each test sample's nearest training sample."""
    best: dict[str, dict[str, float]] = {}
    for pair in pairs:
        tasks = best.setdefault(pair.test.benchmark, {})
        task_id = pair.test.problem.task_id
        tasks[task_id] = max(tasks.get(task_id, 0.0), pair.similarity)
    return {name: list(tasks.values()) for name, tasks in best.items()}
