"""Which texts of a test sample and of a training sample are embedded and compared."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wizardcoder.core.records import Example
from wizardcoder.decontamination.benchmark_problems import BenchmarkProblem
from wizardcoder.text.embeddings import TFIDF

_COMMENT = re.compile(r"^\s*(?://+|/\*+|\*+/?|#(?!include))\s?")
_CODE_LINE = re.compile(
    r">>>|\.\.\.|assert\b|def\b|class\b|import\b|from \S+ import\b|return\b.*[(\[]|@|#include|function\b|fn\b|func\b"
)
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_MIN_PROSE = 0.75  # share of letters and spaces in a line of prose


def select_embedded_texts(
    embedder: str, tests: Sequence[BenchmarkProblem], examples: Sequence[Example]
) -> tuple[list[str], list[str]]:
    """Return the texts to embed: one for each test sample, one for each training sample.

    A model embeds all of both, as a judge reads them, up to its maximum length (MiniLM: 256 tokens); code is similar
    whatever the wording or natural language of the task. TF-IDF compares the task's prose with the instruction, because
    code does not improve its retrieval (bench/README.md).
    """
    if embedder == TFIDF:
        return [extract_statement(test.problem.prompt) for test in tests], [e.instruction for e in examples]
    return [test.problem.full_text for test in tests], [example.full_text for example in examples]


def extract_statement(prompt: str) -> str:
    """Return the prose of a prompt on one line, without signatures, imports, asserts and examples.

    A prompt without prose is returned as it is.
    """
    lines = (_COMMENT.sub("", line).strip().strip("\"'").strip() for line in prompt.splitlines())
    return " ".join(" ".join(filter(_is_prose, lines)).split()) or prompt


def _is_prose(line: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in line)
    sentence = len(_LETTERS.findall(line)) > 1 or line.endswith(".")  # not "True" or "Example:"
    return sentence and letters >= _MIN_PROSE * len(line) and not _CODE_LINE.match(line)
