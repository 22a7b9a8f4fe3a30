"""One row of a benchmark becomes a problem, each benchmark in the format that its authors publish.

In: a row, of a file or of the hub, and its place for errors. Out: a Problem. Rows may hold more fields than are read
here; only the bundled and embedded files must hold exactly theirs. Does not read files (benchmarks.py).
"""

from __future__ import annotations

import ast
import dataclasses
import json
import warnings
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, Strict, StrictInt, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked
from pydantic_core import PydanticCustomError

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.console import StageError
from wizardcoder.core.validation import describe, shorten

MBPP_TASKS = {"mbpp": range(11, 511), "mbpp_400": range(511, 975)}
"""Task ids by benchmark: the test split; validation (511-600) and train (601-974). 1-10 are the few-shot prompt."""
MULTIPLE = tuple(f"multiple_{language}" for language in ("java", "js", "cpp", "php", "r", "jl", "swift", "rs"))

_Inputs = list[list[Any]]


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise PydanticCustomError("surrogate", "a text in Unicode, without lone surrogates") from exc
    return text


_ROW = ConfigDict(extra="ignore")
_Str = Annotated[str, Strict(), AfterValidator(_unicode)]
_Text = Annotated[str, Strict(), Field(min_length=1), AfterValidator(_unicode)]


def problem_of(name: str, row: dict[str, Any], place: str, *, strict: bool = False) -> Problem:
    """Turn a row of the benchmark `name` into a problem; `strict` refuses fields that HumanEval does not have.

    EvalPlus publishes two forms and both are read: its release files with inputs, and the hub's with tests as code.

    Raises:
        StageError: a field is missing or is not what the format says.
    """
    try:
        if name in MULTIPLE:
            return _multiple(row, place, name.removeprefix("multiple_"))
        if name in MBPP_TASKS:
            return _mbpp(row, place)
        if name == "mbpp_sanitized":
            return _mbpp_sanitized(row, place)
        if name == "mbpp_plus":
            return _mbpp_plus_hub(row, place) if _is_hub_form(row) else _mbpp_plus(row, place)
        if name == "humaneval_plus" and not _is_hub_form(row):
            return _humaneval_plus(row, place)
        if name == "ds1000":
            return _ds1000(row)
        return _humaneval(row, strict=strict)
    except ValidationError as exc:
        raise StageError(f"{place}: {describe(exc, _StrictHumanEvalRow if strict else None)}") from exc


def _is_hub_form(row: dict[str, Any]) -> bool:
    return "test" in row and "base_input" not in row


@checked(frozen=True, slots=True, config=_ROW)
class _HumanEvalRow:
    task_id: _Text
    prompt: _Str
    entry_point: _Text
    canonical_solution: _Str
    test: _Text


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class _StrictHumanEvalRow(_HumanEvalRow):
    pass


def _humaneval(row: dict[str, Any], *, strict: bool) -> Problem:
    r = TypeAdapter(_StrictHumanEvalRow if strict else _HumanEvalRow).validate_python(row)
    return Problem(r.task_id, r.prompt, r.canonical_solution, r.entry_point, r.test, prefix=r.prompt)


@checked(frozen=True, slots=True, config=_ROW)
class _PlusRow:
    task_id: _Text
    prompt: _Str
    entry_point: _Text
    canonical_solution: _Str
    base_input: _Inputs
    plus_input: Any
    atol: Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


def _humaneval_plus(row: dict[str, Any], place: str) -> Problem:
    r = TypeAdapter(_PlusRow).validate_python(row)
    return _with_inputs(r, r.prompt, r.base_input, _plus_input(r.plus_input, place))


def _mbpp_plus(row: dict[str, Any], place: str) -> Problem:
    r = TypeAdapter(_PlusRow).validate_python(row)
    number = r.task_id.removeprefix("Mbpp/")
    if number == r.task_id or not (number.isascii() and number.isdigit()):
        raise StageError(f"{place}: task_id: found {shorten(repr(r.task_id))}, accepted: Mbpp/NUMBER")
    convert = _CONVERSIONS.get(int(number), list)
    try:
        base, plus = ([convert(args) for args in i] for i in (r.base_input, _plus_input(r.plus_input, place)))
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as exc:
        raise StageError(f"{place}: base_input or plus_input: not the arguments of {r.task_id}: {exc}") from exc
    return _with_inputs(r, "", base, plus)


def _with_inputs(r: _PlusRow, prefix: str, base: Iterable[Any], plus: Iterable[Any]) -> Problem:
    told = Problem(r.task_id, r.prompt, r.canonical_solution, r.entry_point, checker="inputs", prefix=prefix)
    return dataclasses.replace(told, base_inputs=tuple(base), plus_inputs=tuple(plus), atol=r.atol)


def _plus_input(found: object, place: str) -> _Inputs:
    """Give the argument lists that EvalPlus adds: a list, or a text of JSON; "" and {} stand for none."""
    try:
        value = json.loads(found) if isinstance(found, str) and found else found
    except (ValueError, RecursionError) as exc:
        raise StageError(f"{place}: plus_input: a text that is not JSON: {exc}") from exc
    if value in ("", {}):
        return []
    if not isinstance(value, list) or not all(isinstance(args, list) for args in value):
        raise StageError(f"{place}: plus_input: found {shorten(repr(found))}, accepted: a list of argument lists")
    return value


@checked(frozen=True, slots=True, config=_ROW)
class _MbppRow:
    task_id: StrictInt
    text: _Str
    code: _Text
    test_list: Annotated[list[_Str], Field(min_length=1)]
    test_setup_code: _Str


def _mbpp(row: dict[str, Any], place: str) -> Problem:
    """Read a row of MBPP; challenge_test_list is not used."""
    r = TypeAdapter(_MbppRow).validate_python(row)
    return _with_asserts(f"MBPP/{r.task_id}", r.text, r.code, r.test_list, r.test_setup_code, place=place)


@checked(frozen=True, slots=True, config=_ROW)
class _SanitizedRow:
    task_id: StrictInt
    prompt: _Str
    code: _Text
    test_imports: list[_Str]
    test_list: Annotated[list[_Str], Field(min_length=1)]


def _mbpp_sanitized(row: dict[str, Any], place: str) -> Problem:
    r = TypeAdapter(_SanitizedRow).validate_python(row)
    return _with_asserts(f"MBPP/{r.task_id}", r.prompt, r.code, r.test_list, "\n".join(r.test_imports), place=place)


@checked(frozen=True, slots=True, config=_ROW)
class _MbppPlusHubRow(_SanitizedRow):
    test: _Text


def _mbpp_plus_hub(row: dict[str, Any], place: str) -> Problem:
    """Read a row of evalplus/mbppplus; the prompt is put together as in the release file, with the first assert."""
    r = TypeAdapter(_MbppPlusHubRow).validate_python(row)
    told = _with_asserts(f"Mbpp/{r.task_id}", r.prompt, r.code, r.test_list, "\n".join(r.test_imports), place=place)
    return dataclasses.replace(told, prompt=_docstring(r.prompt, r.test_list[:1]), test=r.test)


def _with_asserts(task_id: str, text: str, code: str, tests: list[str], setup: str, *, place: str) -> Problem:
    code, setup = _unix(code), _unix(setup)
    entry_point = _entry_point(code, tests, place)
    test = "\n".join(tests)
    return Problem(task_id, _docstring(text, tests), code, entry_point, test, checker="asserts", setup=setup)


def _docstring(text: str, tests: list[str]) -> str:
    """Ask as InCoder does for MBPP (arXiv 2204.05999): a docstring with the text and tests.

    WizardCoder's mbpp_gen.py shows the same text and tests, but plain, under a line "Test examples:", and for task 493
    a call without values in their place.
    """
    return "\n".join(['"""', text, *tests, '"""', ""])


def _unix(code: str) -> str:
    # a few of MBPP's solutions end in a lone \r, half of a cut line end
    return code.replace("\r\n", "\n").replace("\r", "\n")


def _entry_point(code: str, tests: list[str], place: str) -> str:
    """Give the first function that the tests call and the code defines: set(...), math.isclose(...) only wrap it."""
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


@checked(frozen=True, slots=True, config=_ROW)
class _Metadata:
    problem_id: StrictInt
    library: _Text


@checked(frozen=True, slots=True, config=_ROW)
class _Ds1000Row:
    prompt: _Str
    reference_code: _Str
    metadata: _Metadata
    code_context: _Text


def _ds1000(row: dict[str, Any]) -> Problem:
    r = TypeAdapter(_Ds1000Row).validate_python(row)
    told = Problem(f"DS-1000/{r.metadata.problem_id}", r.prompt, r.reference_code, test=r.code_context)
    return dataclasses.replace(told, checker="ds1000", group=r.metadata.library)


@checked(frozen=True, slots=True, config=_ROW)
class _MultiplERow:
    name: _Text
    language: _Str
    prompt: _Str
    tests: _Text
    stop_tokens: list[_Str]


def _multiple(row: dict[str, Any], place: str, language: str) -> Problem:
    r = TypeAdapter(_MultiplERow).validate_python(row)
    if r.language != language:
        raise StageError(f"{place}: language: found {shorten(repr(r.language))}, accepted: {language!r}")
    told = Problem(r.name, r.prompt, "", test=r.tests, checker="program", prefix=r.prompt, stop=tuple(r.stop_tokens))
    return dataclasses.replace(told, language=language, group=language)


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
