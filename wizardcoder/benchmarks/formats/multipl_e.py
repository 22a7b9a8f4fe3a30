"""MultiPL-E's format: the data set nuprl/MultiPL-E, one configuration per language."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.formats.rows import EXTRA_FIELDS_ALLOWED, AnyText, NonEmptyText
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.core.validation import shorten

MULTIPL_E = tuple(f"multiple_{language}" for language in ("java", "js", "cpp", "php", "r", "jl", "swift", "rs"))


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _Row:
    name: NonEmptyText
    language: AnyText
    prompt: AnyText
    tests: NonEmptyText
    stop_tokens: list[AnyText]


def multipl_e_problem(row: dict[str, Any], place: str, language: str) -> Problem:
    """Return the problem of a row.

    Raises:
        StageError: it is of another language.
    """
    r = TypeAdapter(_Row).validate_python(row)
    if r.language != language:
        raise StageError(f"{place}: language: found {shorten(repr(r.language))}, accepted: {language!r}")
    return Problem(
        r.name,
        r.prompt,
        "",
        test=r.tests,
        checker="program",
        prefix=r.prompt,
        stop=tuple(r.stop_tokens),
        language=language,
        group=language,
    )
