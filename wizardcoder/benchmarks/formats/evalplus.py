"""EvalPlus's formats: HumanEval+ and MBPP+, as release files with inputs and as data sets of the hub with tests."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked

from wizardcoder.benchmarks.formats.mbpp import SanitizedRow, docstring_prompt, problem_with_asserts
from wizardcoder.benchmarks.formats.rows import EXTRA_FIELDS_ALLOWED, AnyText, NonEmptyText
from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.core.validation import shorten

_Inputs = list[list[Any]]


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _Row:
    task_id: NonEmptyText
    prompt: AnyText
    entry_point: NonEmptyText
    canonical_solution: AnyText
    base_input: _Inputs
    plus_input: Any
    atol: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


@checked(frozen=True, slots=True, config=EXTRA_FIELDS_ALLOWED)
class _HubRow(SanitizedRow):
    test: NonEmptyText


def is_hub_form(row: dict[str, Any]) -> bool:
    """Return whether a row is of the hub's form: tests as code instead of inputs."""
    return "test" in row and "base_input" not in row


def humaneval_plus_problem(row: dict[str, Any], place: str) -> Problem:
    """Return the problem of a row of HumanEvalPlus.jsonl."""
    r = TypeAdapter(_Row).validate_python(row)
    return _problem_with_inputs(r, r.prompt, r.base_input, _plus_input(r.plus_input, place))


def mbpp_plus_problem(row: dict[str, Any], place: str) -> Problem:
    """Return the problem of a row of MbppPlus.jsonl."""
    r = TypeAdapter(_Row).validate_python(row)
    number = r.task_id.removeprefix("Mbpp/")
    if number == r.task_id or not (number.isascii() and number.isdigit()):
        raise StageError(f"{place}: task_id: found {shorten(repr(r.task_id))}, accepted: Mbpp/NUMBER")
    convert = _CONVERSIONS.get(int(number), list)
    try:
        base, plus = ([convert(args) for args in i] for i in (r.base_input, _plus_input(r.plus_input, place)))
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as exc:
        raise StageError(f"{place}: base_input or plus_input: not the arguments of {r.task_id}: {exc}") from exc
    return _problem_with_inputs(r, "", base, plus)


def mbpp_plus_hub_problem(row: dict[str, Any], place: str) -> Problem:
    """Return the problem of a row of evalplus/mbppplus, with the prompt of the release file: the first assert alone."""
    r = TypeAdapter(_HubRow).validate_python(row)
    setup = "\n".join(r.test_imports)
    problem = problem_with_asserts(f"Mbpp/{r.task_id}", r.prompt, r.code, r.test_list, setup, place=place)
    return dataclasses.replace(problem, prompt=docstring_prompt(r.prompt, r.test_list[:1]), test=r.test)


def _problem_with_inputs(r: _Row, prefix: str, base: Iterable[Any], plus: Iterable[Any]) -> Problem:
    return Problem(
        r.task_id,
        r.prompt,
        r.canonical_solution,
        r.entry_point,
        checker="inputs",
        prefix=prefix,
        base_inputs=tuple(base),
        plus_inputs=tuple(plus),
        atol=r.atol,
    )


def _plus_input(found: object, place: str) -> _Inputs:
    """Return the argument lists that EvalPlus adds: a list, or a text of JSON; "" and {} mean none."""
    try:
        value = json.loads(found) if isinstance(found, str) and found else found
    except (ValueError, RecursionError) as exc:
        raise StageError(f"{place}: plus_input: a text that is not JSON: {exc}") from exc
    if value in ("", {}):
        return []
    if not isinstance(value, list) or not all(isinstance(args, list) for args in value):
        raise StageError(f"{place}: plus_input: found {shorten(repr(found))}, accepted: a list of argument lists")
    return value


def _deep_tuple(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    return tuple(map(_deep_tuple, value)) if isinstance(value, list) else value


def _tuples(values: Iterable[Any]) -> list[Any]:
    return [tuple(value) for value in values]


# JSON has no tuples, sets or complex numbers: how each task's argument list gets them back.
# Source: mbpp_deserialize_inputs in evalplus 0.3.1, evalplus/data/mbpp.py (Apache-2.0), with its empty set as {}.
_GROUPS: tuple[tuple[Callable[[list[Any]], Any], tuple[int, ...]], ...] = (
    (
        _tuples,
        (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744, 809),
    ),
    (
        lambda args: [_tuples(arg) for arg in args],
        (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780),
    ),
    (lambda args: [_tuples(args[0]), *args[1:]], (75, 413, 444, 753)),
    (lambda args: [args[0], tuple(args[1])], (106, 750)),
    (lambda args: [[set(i) if isinstance(i, list) and i else {} for i in args[0]]], (115,)),
    (lambda args: (float(args[0]), complex(args[1])), (124,)),
    (lambda args: [tuple(args[0]), *args[1:]], (250, 307, 405, 446, 617, 720, 763, 808)),
    (lambda args: [complex(args[0])], (252,)),
    (lambda args: [tuple(_tuples(arg)) for arg in args], (259, 401, 445)),
    (lambda args: [tuple(tuple(i) if isinstance(i, list) else i for i in args[0])], (278,)),
    (_deep_tuple, (580, 615, 791)),
    (lambda args: [{key: tuple(value) for key, value in args[0].items()}, *args[1:]], (722,)),
)
_CONVERSIONS = {task: convert for convert, tasks in _GROUPS for task in tasks}
