"""Calls the functions that a training sample's code defines: the inner side, within the sandbox.

In: code, and lists of arguments. Out: for each function what each call returned, as text. Of the code only imports,
definitions and assignments are run, each for itself, so that a program that waits for input still defines what it
defines. Only the standard library is imported: the sandbox loads this file.
"""

from __future__ import annotations
import __future__

import ast
import inspect
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, NoReturn

from stages.lib import values

MAX_ANSWER = 10_000  # characters of a returned value; a longer one is none
_DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
_MOST_OVERTIME = 10  # calls of a function; the calls come by size, so those behind them would take as long
_MOST_FUNCTIONS = 20


class _OverTimeError(BaseException):
    """The call's time is over; no Exception, since much code catches those."""


def answers(code: str, calls: Sequence[Sequence[Any]], call_s: float) -> dict[str, list[str | None]]:
    """Call each of the code's functions, and each method of its classes, with each list of arguments.

    Args:
        code: Python that compiles.
        calls: lists of arguments, the shorter first.
        call_s: CPU time of a call, in seconds.

    Returns:
        By name (of a method: CLASS.NAME) the returned values, each from `values.dumps`; None where there is none.
    """
    time.sleep = lambda _: None  # nobody waits here
    signal.signal(signal.SIGPROF, _end_call)
    return {name: _answered(function, calls, call_s) for name, function in _functions(ast.parse(code))}


def _functions(tree: ast.Module) -> Iterator[tuple[str, Callable[..., Any]]]:
    module = ModuleType("answer")
    for statement in tree.body:
        if isinstance(statement, _DEFINING):
            try:
                # annotations are not evaluated: what they name is often imported nowhere
                flags = __future__.annotations.compiler_flag
                exec(compile(ast.Module([statement], []), "answer.py", "exec", flags, True), module.__dict__)  # noqa: S102
            except (Exception, SystemExit):  # noqa: S112 - the others are still defined
                continue
    for number, (name, function) in enumerate(_callables(tree, module)):
        if number < _MOST_FUNCTIONS:
            yield name, function


def _callables(tree: ast.Module, module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    for statement in tree.body:
        defined = getattr(module, getattr(statement, "name", ""), None)
        if isinstance(statement, ast.FunctionDef) and inspect.isfunction(defined):
            yield statement.name, defined
        elif isinstance(statement, ast.ClassDef) and inspect.isclass(defined):
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__"):
                    yield f"{statement.name}.{inner.name}", _method(defined, inner.name)


def _method(kind: type, name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return getattr(kind(), name)(*arguments)

    return call


def _answered(function: Callable[..., Any], calls: Sequence[Sequence[Any]], call_s: float) -> list[str | None]:
    found: list[str | None] = []
    overtime = 0
    for arguments in calls:
        answer = None
        if overtime < _MOST_OVERTIME and _takes(function, len(arguments)):
            try:
                answer = _answer(function, [_copied(argument) for argument in arguments], call_s)
            except _OverTimeError:
                overtime += 1
        found.append(answer)
    return found


def _answer(function: Callable[..., Any], arguments: list[Any], call_s: float) -> str | None:
    try:
        signal.setitimer(signal.ITIMER_PROF, call_s)
        try:
            text = values.dumps(function(*arguments)).decode()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    except _OverTimeError:
        raise
    except BaseException:
        return None
    return text if len(text) <= MAX_ANSWER else None


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes so many arguments; a wrong call costs more than this question."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return True
    return bool(code.co_argcount - len(function.__defaults__ or ()) <= count <= code.co_argcount)


def _copied(value: Any) -> Any:
    """Give a value that a function may change."""
    if isinstance(value, list | tuple | set):
        return type(value)(map(_copied, value))
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value


def _end_call(*_: object) -> NoReturn:
    raise _OverTimeError
