"""Calls the functions that a training sample's code defines: the guest side, inside the sandbox.

In: code and argument lists. Out: for each function what each call returned, as text of the wire format. Only imports,
definitions and top-level assignments of the code are run, each on its own, so that a program that waits for input still
defines its functions. Only the standard library is imported: the sandbox loads this file.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any

from wizardcoder.decontamination.execution.code_definitions import (
    find_name,
    iterate_definitions,
    list_methods,
    takes_arguments,
)
from wizardcoder.decontamination.execution.guest_time_limit import OverTimeError, TimeLimit, cpu_time
from wizardcoder.sandbox import wire

MAX_OUTPUT_CHARS = 10_000  # of a returned value; a longer one counts as none
MAX_FUNCTIONS = 20  # called in one process, because they share its time
_BUDGET = 100  # the time of all calls of a process, as a multiple of one call's; then the rest is skipped
_MAX_OVERTIME_RUN = 12  # calls in a row over time with arguments of the same types; then more of these are skipped
_DATA_MB = 256  # code that needs more, such as one that got a string instead of a number, fails at once
_DEFINITION_S = 1.0  # CPU seconds
_MODULE = "answer"


def call_functions(
    code: str, calls: Sequence[Sequence[Any]], call_s: float, only: str | None = None, first: int = 0
) -> dict[str, list[str | None]]:
    """Call the code's functions, and the methods of its classes, with each argument list.

    Args:
        code: valid Python.
        calls: argument lists, the fastest first.
        call_s: CPU seconds of a call.
        only: name, as returned, of the one function to call.
        first: number of functions to skip if `only` is None; then MAX_FUNCTIONS are called.

    Returns:
        By name the returned values, each from `wire.dumps`; None if there is none. A method's name is CLASS().NAME, or
        CLASS(...).NAME if the constructor takes the arguments; a name's second definition is NAME#2.
    """
    time.sleep = lambda _: None  # no call waits
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA_MB * 2**20, _DATA_MB * 2**20))
    found = list(_define_functions(ast.parse(code)))
    found = found[first : first + MAX_FUNCTIONS] if only is None else [item for item in found if item[0] == only]
    budget_s = _BUDGET * call_s / max(len(found), 1)
    return {name: _call_with_all(function, calls, call_s, budget_s) for name, function in found}


def record_calls(code: str, name: str, test: str) -> list[list[Any]]:
    """Run a problem's tests on its reference; return the arguments of their calls that are plain values.

    Args:
        code: the reference; all of it is run.
        name: of the function.
        test: a program that calls it. If it draws random numbers, they are the same each time.
    """
    import random  # only here: a module loaded for every sample slows down each fork

    found: list[list[Any]] = []
    module = sys.modules[_MODULE] = ModuleType(_MODULE)
    exec(code, module.__dict__)  # noqa: S102
    reference = getattr(module, name)

    def recorder(*arguments: Any, **named: Any) -> Any:
        if not named:
            with contextlib.suppress(ValueError):
                plain = wire.loads(wire.dumps(list(arguments)))
                found.extend([] if wire.has_opaque(plain) else [plain])
        setattr(module, name, reference)  # recursive calls are not the tests'
        try:
            return reference(*arguments, **named)
        finally:
            setattr(module, name, recorder)

    setattr(module, name, recorder)
    random.seed(0)
    with contextlib.suppress(Exception):  # a reference that fails a test has still been called
        exec(test, module.__dict__)  # noqa: S102
    return found


def _define_functions(tree: ast.Module) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Run the code's definitions, and yield each function at once: a later definition may hide it."""
    module = sys.modules[_MODULE] = ModuleType(_MODULE)
    seen: dict[str, int] = {}
    for statement in iterate_definitions(tree.body):
        defined = _define(statement, module)
        if not defined and isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.decorator_list:
            statement.decorator_list = []  # from a package that is not installed here
            defined = _define(statement, module)
        if not defined:
            continue
        for name, function in _list_callables(statement, module):
            seen[name] = seen.get(name, 0) + 1
            yield name if seen[name] == 1 else f"{name}#{seen[name]}", function


def _define(statement: ast.stmt, module: ModuleType) -> bool:
    """Run one definition; return whether it succeeded. Whatever it raises, the others are still defined."""
    try:
        with TimeLimit(_DEFINITION_S):
            # annotations are not evaluated: the names in them are often not imported
            flags = annotations.compiler_flag
            exec(compile(ast.Module([statement], []), "answer.py", "exec", flags, True), module.__dict__)  # noqa: S102
    except BaseException:
        TimeLimit.running = False
        return False
    return True


def _list_callables(statement: ast.stmt, module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    name = find_name(statement)
    defined = module.__dict__.get(name or "")
    if name is None or not callable(defined):
        return
    if not isinstance(statement, ast.ClassDef):
        yield name, defined
        return
    for inner in list_methods(statement):
        yield f"{name}().{inner.name}", _make_method(defined, inner.name)
        if takes_arguments(statement):
            yield f"{name}(...).{inner.name}", _make_property(defined, inner.name)


def _make_method(kind: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function that calls the method of an object constructed without arguments."""

    def call(*arguments: Any) -> Any:
        return getattr(kind(), name)(*arguments)

    return call


def _make_property(kind: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a function that constructs an object with the arguments and calls its method without any."""

    def call(*arguments: Any) -> Any:
        return getattr(kind(*arguments), name)()

    return call


def _call_with_all(
    function: Callable[..., Any], calls: Sequence[Sequence[Any]], call_s: float, budget_s: float
) -> list[str | None]:
    found: list[str | None] = []
    end, runs = cpu_time() + budget_s, dict[tuple[type, ...], int]()
    for arguments in calls:
        output, types = None, tuple(map(type, arguments))
        run = runs.get(types, 0)
        if cpu_time() < end and run < _MAX_OVERTIME_RUN and _accepts_count(function, len(arguments)):
            try:
                output = _call(function, [_copy(argument) for argument in arguments], call_s)
                runs[types] = 0
            except OverTimeError:
                TimeLimit.running = False  # it may have been raised on the way out
                runs[types] = run + 1
        found.append(output)
    return found


def _call(function: Callable[..., Any], arguments: list[Any], call_s: float) -> str | None:
    try:
        with TimeLimit(call_s):
            text = wire.dumps(function(*arguments)).decode()
    except OverTimeError:
        raise
    except BaseException:
        return None
    return text if len(text) <= MAX_OUTPUT_CHARS else None


def _accepts_count(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes so many arguments; checking is cheaper than a call that fails."""
    try:
        function = inspect.unwrap(function)
        code = getattr(function, "__code__", None)
        if code is None or code.co_flags & inspect.CO_VARARGS:
            return True
        return bool(code.co_argcount - len(function.__defaults__ or ()) <= count <= code.co_argcount)
    except Exception:  # an object that only resembles a function
        return True


def _copy(value: Any) -> Any:
    """Return a copy, because a function may change its arguments."""
    if isinstance(value, list | tuple | set):
        return type(value)(map(_copy, value))
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return value
