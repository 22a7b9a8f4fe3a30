"""MBPP's formats: mbpp.jsonl, and the sanitized version."""

from __future__ import annotations

import ast
import warnings
from typing import Annotated, Any

from pydantic import Field, StrictInt, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.formats.rows import EXTRA_FIELDS_ALLOWED, AnyText, NonEmptyText
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.core.validation import shorten

MBPP_TASKS = {"mbpp": range(11, 511), "mbpp_400": range(511, 975)}
"""Task ids by benchmark: the test split; validation (511-600) and train (601-974). 1-10 are the few-shot prompt."""

Tests = Annotated[list[AnyText], Field(min_length=1)]


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _Row:
    task_id: StrictInt
    text: AnyText
    code: NonEmptyText
    test_list: Tests
    test_setup_code: AnyText


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class SanitizedRow:
    """A row of the sanitized MBPP."""

    task_id: StrictInt
    prompt: AnyText
    code: NonEmptyText
    test_imports: list[AnyText]
    test_list: Tests


def mbpp_problem(row: dict[str, Any], place: str) -> Problem:
    """Return the problem of a row of MBPP; challenge_test_list is not used."""
    r = TypeAdapter(_Row).validate_python(row)
    return problem_with_asserts(f"MBPP/{r.task_id}", r.text, r.code, r.test_list, r.test_setup_code, place=place)


def mbpp_sanitized_problem(row: dict[str, Any], place: str) -> Problem:
    """Return the problem of a row of the sanitized MBPP."""
    r = TypeAdapter(SanitizedRow).validate_python(row)
    setup = "\n".join(r.test_imports)
    return problem_with_asserts(f"MBPP/{r.task_id}", r.prompt, r.code, r.test_list, setup, place=place)


def problem_with_asserts(task_id: str, text: str, code: str, tests: list[str], setup: str, *, place: str) -> Problem:
    """Return a problem whose tests are asserts.

    Raises:
        StageError: the tests call no function of the code.
    """
    code, setup = _unix_lines(code), _unix_lines(setup)
    entry_point = _entry_point(code, tests, place)
    test = "\n".join(tests)
    return Problem(task_id, docstring_prompt(text, tests), code, entry_point, test, checker="asserts", setup=setup)


def docstring_prompt(text: str, tests: list[str]) -> str:
    """Return a docstring with the text and tests, as InCoder asks for MBPP (arXiv 2204.05999).

    WizardCoder's mbpp_gen.py shows the same text and tests, but plain, under a line "Test examples:", and for task 493
    a call without values instead.
    """
    return "\n".join(['"""', text, *tests, '"""', ""])


def _unix_lines(code: str) -> str:
    # a few of MBPP's solutions end in a lone \r, half of a cut line end
    return code.replace("\r\n", "\n").replace("\r", "\n")


def _entry_point(code: str, tests: list[str], place: str) -> str:
    """Return the first function that the tests call and the code defines: set(...), math.isclose(...) only wrap it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            body, calls = ast.parse(code).body, list(ast.walk(ast.parse("\n".join(tests))))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise StageError(f"{place}: code or test_list: not Python: {exc}") from exc
    defined = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    defined |= {t.id for n in body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    called = [n.func for n in calls if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)]
    found = sorted((name.lineno, name.col_offset, name.id) for name in called if name.id in defined)
    if not found:
        raise StageError(
            f"{place}: test_list: found {shorten(repr(tests[0]))}, accepted: asserts that call a function of `code`"
        )
    return found[0][2]
