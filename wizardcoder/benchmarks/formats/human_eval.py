"""HumanEval's format, which users' own benchmarks have too."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.formats.rows import EXTRA_FIELDS_ALLOWED, AnyText, NonEmptyText
from wizardcoder.benchmarks.problem import Problem


def human_eval_problem(row: dict[str, Any], *, strict: bool) -> Problem:
    """Return the problem of a row; `strict` refuses fields that HumanEval does not have."""
    r = TypeAdapter(StrictRow if strict else _Row).validate_python(row)
    return Problem(r.task_id, r.prompt, r.canonical_solution, r.entry_point, r.test, prefix=r.prompt)


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _Row:
    task_id: NonEmptyText
    prompt: AnyText
    entry_point: NonEmptyText
    canonical_solution: AnyText
    test: NonEmptyText


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class StrictRow(_Row):
    """A row with HumanEval's fields and no others."""
