"""DS-1000's format: ds1000.jsonl.gz of xlang-ai/DS-1000."""

from __future__ import annotations

from typing import Any

from pydantic import StrictInt, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.formats.rows import EXTRA_FIELDS_ALLOWED, AnyText, NonEmptyText
from wizardcoder.benchmarks.problem import Problem


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _Metadata:
    problem_id: StrictInt
    library: NonEmptyText


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _Row:
    prompt: AnyText
    reference_code: AnyText
    metadata: _Metadata
    code_context: NonEmptyText


def ds1000_problem(row: dict[str, Any]) -> Problem:
    """Return the problem of a row."""
    r = TypeAdapter(_Row).validate_python(row)
    return Problem(
        f"DS-1000/{r.metadata.problem_id}",
        r.prompt,
        r.reference_code,
        test=r.code_context,
        checker="ds1000",
        group=r.metadata.library,
    )
