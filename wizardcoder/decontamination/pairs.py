"""Which training samples come near which test samples, and what a rule says about such a pair.

In: benchmarks' problems and training samples. Out: pairs, each with its similarity (by the embedder) and its overlap
(what of the test sample stands in the training sample). Does not ask a teacher.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core import console
from wizardcoder.core.params import STRICT, AtLeastOne, Fraction
from wizardcoder.core.records import Example
from wizardcoder.decontamination.ngram_overlap import Index, Piece, code_runs, sentences, word_runs
from wizardcoder.text.embeddings import TFIDF, embed
from wizardcoder.text.tfidf import nearest

_COMMENT = re.compile(r"^\s*(?://+|/\*+|\*+/?|#(?!include))\s?")
_CODE_LINE = re.compile(
    r">>>|\.\.\.|assert\b|def\b|class\b|import\b|from \S+ import\b|return\b.*[(\[]|@|#include|function\b|fn\b|func\b"
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_MIN_PROSE = 0.75  # share of letters and blanks in a line that is prose


@params_dataclass(frozen=True, slots=True, config=STRICT)
class RuleParams:
    """When a pair matches: what of the test sample must stand in the training sample, or how alike both must be."""

    sentence_words: AtLeastOne
    ngram_words: AtLeastOne
    min_overlap: Fraction
    ngram_tokens: AtLeastOne
    min_code_overlap: Fraction
    min_ngrams: AtLeastOne
    min_similarity: Fraction
    min_doubt: Fraction


@dataclass(frozen=True, slots=True)
class Task:
    """A test sample: a problem, and the benchmark that it belongs to."""

    benchmark: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Overlap:
    """The share of a part of the test sample that the training sample holds.

    The parts are: statement, its sentences; prompt, word by word; program, the solution below its signature, token by
    token; solution, as code in which names do not count.
    """

    part: str
    share: float


@dataclass(frozen=True, slots=True)
class Pair:
    """A test sample and a training sample near it.

    `similarity` is the cosine of what `embedded_texts` gives, `solved` how the training sample's code solves the test
    sample; None where it does not, or was not run.
    """

    test: Task
    example: Example
    similarity: float
    overlap: Overlap
    solved: str | None = None


def text_of_problem(problem: Problem) -> str:
    """Give the text of a test sample: its prompt and its solution, where it has one."""
    return f"{problem.prompt}\n{problem.canonical_solution}"


def text_of_example(example: Example) -> str:
    """Give the text of a training sample: its instruction and its response."""
    return f"{example.instruction}\n{example.response}"


def embedded_texts(embedder: str, tests: Sequence[Task], examples: Sequence[Example]) -> tuple[list[str], list[str]]:
    """Give what is embedded of the test samples and of the training samples.

    A model is given both whole, as a judge is, and reads them as far as its length reaches (MiniLM: 256 tokens). Code
    is alike whatever words or language tell the task. TF-IDF compares the task in words with the instruction: code
    gains it nothing (bench/README.md).
    """
    if embedder == TFIDF:
        return [statement(test.problem.prompt) for test in tests], [example.instruction for example in examples]
    return [text_of_problem(test.problem) for test in tests], [text_of_example(example) for example in examples]


def statement(prompt: str) -> str:
    """Give what a prompt asks in words, without signatures, imports, asserts and examples.

    A prompt without such words is given whole.
    """
    lines = (_COMMENT.sub("", line).strip().strip("\"'").strip() for line in prompt.splitlines())
    return " ".join(" ".join(filter(_is_prose, lines)).split()) or prompt


def _program(problem: Problem) -> str:
    """Give the solution below its signature, without the docstring between them."""
    signatures = [line for line in problem.prefix.splitlines() if line.startswith("def ")]
    return "\n".join([*signatures[-1:], problem.canonical_solution])


def _is_prose(line: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in line)
    told = len(_LETTERS.findall(line)) > 1 or line.endswith(".")  # "True" and "Example:" tell nothing
    return told and letters >= _MIN_PROSE * len(line) and not _CODE_LINE.match(line)


def copy_judgement(pair: Pair, rule: RuleParams) -> str | None:
    """Say that the training sample holds the test sample's text or code; None where it does not."""
    least = _least(pair.overlap.part, rule)
    if pair.overlap.share < least:
        return None
    return f"{pair.overlap.part} overlap {pair.overlap.share:.2f} >= {least}"


def rule_judgement(pair: Pair, rule: RuleParams) -> str | None:
    """Say why a pair matches, by overlap or by similarity; None where it does not."""
    if (copied := copy_judgement(pair, rule)) is not None:
        return copied
    return (
        f"similarity {pair.similarity:.2f} >= {rule.min_similarity}" if pair.similarity >= rule.min_similarity else None
    )


def _least(part: str, rule: RuleParams) -> float:
    return rule.min_code_overlap if part in ("program", "solution") else rule.min_overlap


class Search:
    """Finds the training samples near each test sample.

    `solved` gives by number of the training sample the test samples that it solves, and how.
    """

    def __init__(
        self,
        tests: Sequence[Task],
        examples: Sequence[Example],
        embedder: str,
        rule: RuleParams,
        cache: Path,
        *,
        solved: Mapping[int, Mapping[int, str]] | None = None,
    ) -> None:
        self._tests, self._examples, self._rule, self._solved = tests, examples, rule, solved or {}
        self._queries, self._corpus = embed(embedder, *embedded_texts(embedder, tests, examples), cache)
        self._indexes = self._indexed()

    def pairs(
        self, tests: Sequence[int], first: int, end: int, *, copies: bool = False, solutions: bool = False
    ) -> Iterator[tuple[int, Pair]]:
        """Yield (test, pair): the samples ranked from `first` to before `end` by similarity to each of these tests.

        With `copies` also every sample, however ranked, that holds as much of a test sample as the rule asks for, and
        then with `solutions` also every sample that solves a test sample.
        """
        found: dict[int, dict[int, float]] = {}
        ranked = nearest(self._queries[list(tests)], self._corpus, end)
        for test, ranks in zip(tests, ranked, strict=True):
            for number, similarity in ranks[first:]:
                found.setdefault(number, {})[test] = similarity
        with console.track("decontaminate: comparing", len(self._examples) if copies else len(found)) as bar:
            for number in range(len(self._examples)) if copies else sorted(found):
                yield from self._compared(number, found.get(number, {}), copies=copies, solutions=solutions)
                bar.advance()

    def _compared(
        self, number: int, near: dict[int, float], *, copies: bool, solutions: bool
    ) -> Iterator[tuple[int, Pair]]:
        example, solved = self._examples[number], self._solved.get(number, {})
        overlaps = self._overlaps(text_of_example(example))
        beside = {t for t, o in overlaps.items() if o.share >= _least(o.part, self._rule)} if copies else set()
        if copies and solutions:
            beside |= solved.keys()
        for test in sorted(near.keys() | beside):
            similarity = near[test] if test in near else self._similarity(test, number)
            overlap = overlaps.get(test, Overlap("prompt", 0.0))
            yield test, Pair(self._tests[test], example, similarity, overlap, solved.get(test))

    def _similarity(self, test: int, number: int) -> float:
        query, other = self._queries[[test]], self._corpus[[number]]
        if isinstance(query, np.ndarray):
            return float(query[0] @ other[0])
        return float(query.multiply(other).sum())

    def _indexed(self) -> dict[str, Index]:
        problems, rule = [test.problem for test in self._tests], self._rule
        texts = {
            "statement": [statement(problem.prompt) for problem in problems],
            "prompt": [problem.prompt for problem in problems],
            "program": [_program(problem) for problem in problems],
            "solution": [problem.canonical_solution for problem in problems],
        }
        least = {"statement": 1, "prompt": rule.min_ngrams, "program": 1, "solution": rule.min_ngrams}
        return {part: Index([self._pieces(part, text) for text in texts[part]], least[part]) for part in texts}

    def _pieces(self, part: str, text: str) -> set[Piece]:
        if part == "statement":
            return sentences(text, self._rule.sentence_words)
        if part == "prompt":
            return word_runs(text, self._rule.ngram_words)
        if part == "program":
            return code_runs(text, self._rule.ngram_words, names=True)
        return code_runs(text, self._rule.ngram_tokens)

    def _overlaps(self, text: str) -> dict[int, Overlap]:
        """Give by test the part of it of which the text holds most, as measured by what the rule asks for."""
        best: dict[int, Overlap] = {}
        for part, index in self._indexes.items():
            for test, share in index.shares(self._pieces(part, text)).items():
                found, before = Overlap(part, share), best.get(test)
                if before is None or _closeness(found, self._rule) > _closeness(before, self._rule):
                    best[test] = found
        return best


def _closeness(overlap: Overlap, rule: RuleParams) -> float:
    """Measure a share against what the rule asks for; 1 and more is a match."""
    return overlap.share / max(_least(overlap.part, rule), 1e-9)


def top_1(pairs: Iterable[Pair]) -> dict[str, list[float]]:
    """Give by benchmark the similarity of each test sample's nearest training sample."""
    best: dict[str, dict[str, float]] = {}
    for pair in pairs:
        tasks = best.setdefault(pair.test.benchmark, {})
        task_id = pair.test.problem.task_id
        tasks[task_id] = max(tasks.get(task_id, 0.0), pair.similarity)
    return {name: list(tasks.values()) for name, tasks in best.items()}
