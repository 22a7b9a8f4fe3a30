"""Calls the functions that a training sample's code defines: the inner side, within the sandbox.

In: code, and lists of arguments. Out: for each function what each call returned, as text. Of that code only imports,
definitions and top-level assignments are run, each for itself, so that a program that waits for input still defines
what it defines. Only the standard library is imported: the sandbox loads this file.
"""

from __future__ import annotations

import _thread
import ast
import contextlib
import inspect
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from types import ModuleType
from typing import Any

from wizardcoder.sandbox import wire as values

MAX_ANSWER = 10_000  # characters of a returned value; a longer one is none
_BUDGET = 100  # times a call's time is that of all calls of a sample together; then the others are not tried
_OVERTIME_RUN = 12  # calls in a row out of time, with arguments of the same types; then others of these are not tried
_DATA_MB = 256  # what takes more, such as a text where a number is meant, fails at once
_DEFINING = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
_ASSIGNING = (ast.Assign, ast.AnnAssign)
_DEFINITION_S = 1.0  # of CPU time
_WAITING = 20  # times the CPU time of a call or definition is its wall time, for what waits without computing
MOST_FUNCTIONS = 20  # in one process, as they share its time
_MODULE = "answer"
_TIMERS = {signal.SIGPROF: signal.ITIMER_PROF, signal.SIGALRM: signal.ITIMER_REAL}  # of CPU time, of wall time
_cpu_time = time.process_time  # the code may set its own


class _OverTimeError(BaseException):
    """The call's time is over; no Exception, since much code catches those.

    Code that catches this one too, in a loop, gets it anew once it has let it go, which is outside of its `try`: the
    interpreter is told of a signal by a call without a frame of its own, and looks for signals at the next jump.
    """

    __del__ = staticmethod(partial(_thread.interrupt_main, signal.SIGPROF))


def answers(
    code: str, calls: Sequence[Sequence[Any]], call_s: float, only: str | None = None, first: int = 0
) -> dict[str, list[str | None]]:
    """Call the code's functions, and the methods of its classes, with each list of arguments.

    Args:
        code: Python that parses.
        calls: lists of arguments, the shorter first.
        call_s: CPU time of a call, in seconds.
        only: the name, as returned, of the one function to call.
        first: of the others so many are passed over; then MOST_FUNCTIONS are called.

    Returns:
        By name the returned values, each from `values.dumps`; None where there is none. A method's name is
        CLASS().NAME, or CLASS(...).NAME where the object takes the arguments; a name's second definition is NAME#2.
    """
    time.sleep = lambda _: None  # nobody waits here
    resource.setrlimit(resource.RLIMIT_DATA, (_DATA_MB * 2**20, _DATA_MB * 2**20))
    found = list(_functions(ast.parse(code)))
    found = found[first : first + MOST_FUNCTIONS] if only is None else [item for item in found if item[0] == only]
    budget_s = _BUDGET * call_s / max(len(found), 1)
    return {name: _answered(function, calls, call_s, budget_s) for name, function in found}


def recorded(code: str, name: str, test: str) -> list[list[Any]]:
    """Run a problem's tests on its reference; give the arguments of their calls, as far as they are plain values.

    Args:
        code: of the reference; all of it is run.
        name: of the function.
        test: a program that calls it. Where it draws by chance, it draws the same each time.
    """
    import random  # only here: loaded for every sample, it would make each fork dearer

    found: list[list[Any]] = []
    module = sys.modules[_MODULE] = ModuleType(_MODULE)
    exec(code, module.__dict__)  # noqa: S102
    reference = getattr(module, name)

    def recorder(*arguments: Any, **named: Any) -> Any:
        if not named:
            with contextlib.suppress(ValueError):
                plain = values.loads(values.dumps(list(arguments)))
                found.extend([] if values.has_opaque(plain) else [plain])
        setattr(module, name, reference)  # what it calls itself with is not the tests'
        try:
            return reference(*arguments, **named)
        finally:
            setattr(module, name, recorder)

    setattr(module, name, recorder)
    random.seed(0)
    with contextlib.suppress(Exception):  # a reference that fails a test has still been called
        exec(test, module.__dict__)  # noqa: S102
    return found


def definitions(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield what defines something: also within `if`, `try` and `with`, but assignments at the top alone."""
    pending = [(statement, True) for statement in reversed(body)]
    while pending:  # no recursion: a chain of `elif` may be longer than its limit
        statement, top = pending.pop()
        if isinstance(statement, _DEFINING) or (top and isinstance(statement, _ASSIGNING)):
            yield statement
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            within = list(statement.body)
            for handler in getattr(statement, "handlers", []):
                within += handler.body
            for part in ("orelse", "finalbody"):
                within += getattr(statement, part, [])
            pending += [(inner, False) for inner in reversed(within)]


def name_of(statement: ast.stmt) -> str | None:
    """Give the name of the function or class that a statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    if isinstance(statement, _ASSIGNING) and isinstance(statement.value, ast.Lambda):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        return target.id if isinstance(target, ast.Name) else None
    return None


def methods(statement: ast.ClassDef) -> list[ast.FunctionDef]:
    """Give the methods that can be called by their names."""
    return [inner for inner in statement.body if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__")]


def takes_arguments(statement: ast.ClassDef) -> bool:
    """Whether a class's objects may be made with arguments, as far as can be seen: by its own __init__, or a maker."""
    own = any(isinstance(inner, ast.FunctionDef) and inner.name == "__init__" for inner in statement.body)
    return own or bool(statement.decorator_list)  # a dataclass


def _functions(tree: ast.Module) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Define what the code defines, and yield it as it is then; a later definition may hide it."""
    module = sys.modules[_MODULE] = ModuleType(_MODULE)
    seen: dict[str, int] = {}
    for statement in definitions(tree.body):
        defined = _defined(statement, module)
        if not defined and isinstance(statement, ast.FunctionDef | ast.ClassDef) and statement.decorator_list:
            statement.decorator_list = []  # of a package that is not here
            defined = _defined(statement, module)
        if not defined:
            continue
        for name, function in _callables(statement, module):
            seen[name] = seen.get(name, 0) + 1
            yield name if seen[name] == 1 else f"{name}#{seen[name]}", function


def _defined(statement: ast.stmt, module: ModuleType) -> bool:
    """Run one definition; whether it ended well. Whatever it raises, the others are still defined."""
    try:
        with _Limit(_DEFINITION_S):
            # annotations are not evaluated: what they name is often imported nowhere
            flags = annotations.compiler_flag
            exec(compile(ast.Module([statement], []), "answer.py", "exec", flags, True), module.__dict__)  # noqa: S102
    except BaseException:
        _Limit.running = False
        return False
    return True


def _callables(statement: ast.stmt, module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    name = name_of(statement)
    defined = module.__dict__.get(name or "")
    if name is None or not callable(defined):
        return
    if not isinstance(statement, ast.ClassDef):
        yield name, defined
        return
    for inner in methods(statement):
        yield f"{name}().{inner.name}", _method(defined, inner.name)
        if takes_arguments(statement):
            yield f"{name}(...).{inner.name}", _property(defined, inner.name)


def _method(kind: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Give the method of an object that is made without arguments."""

    def call(*arguments: Any) -> Any:
        return getattr(kind(), name)(*arguments)

    return call


def _property(kind: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Give the method without arguments of an object that is made with them."""

    def call(*arguments: Any) -> Any:
        return getattr(kind(*arguments), name)()

    return call


def _answered(
    function: Callable[..., Any], calls: Sequence[Sequence[Any]], call_s: float, budget_s: float
) -> list[str | None]:
    found: list[str | None] = []
    end, runs = _cpu_time() + budget_s, dict[tuple[type, ...], int]()
    for arguments in calls:
        answer, types = None, tuple(map(type, arguments))
        run = runs.get(types, 0)
        if _cpu_time() < end and run < _OVERTIME_RUN and _takes(function, len(arguments)):
            try:
                answer = _answer(function, [_copied(argument) for argument in arguments], call_s)
                runs[types] = 0
            except _OverTimeError:
                _Limit.running = False  # it may have been raised on the way out
                runs[types] = run + 1
        found.append(answer)
    return found


def _answer(function: Callable[..., Any], arguments: list[Any], call_s: float) -> str | None:
    try:
        with _Limit(call_s):
            text = values.dumps(function(*arguments)).decode()
    except _OverTimeError:
        raise
    except BaseException:
        return None
    return text if len(text) <= MAX_ANSWER else None


class _Limit:
    """Raises _OverTimeError in what runs too long, again and again where that is caught, but not once it has ended."""

    running = False
    _over_at = 0.0  # CPU time
    _ticks = 0  # one each `cpu_s` of wall time; they do not add up while the machine stands still

    def __init__(self, cpu_s: float) -> None:
        self._cpu_s = cpu_s

    def __enter__(self) -> None:
        # half, as the timer is not exact: this is for the signals of errors of an earlier call that are let go late
        _Limit._over_at = _cpu_time() + self._cpu_s / 2
        _Limit._ticks = 0
        _Limit.running = True
        for number in _TIMERS:  # each time: the code may have set its own
            signal.signal(number, _Limit._end)
        for timer in _TIMERS.values():
            signal.setitimer(timer, self._cpu_s, self._cpu_s)

    def __exit__(self, *_: object) -> None:
        _Limit.running = False  # first: another signal may come while this one's objects are freed
        for timer in _TIMERS.values():
            signal.setitimer(timer, 0)

    @staticmethod
    def _end(number: int, _: object) -> None:
        _Limit._ticks += number == signal.SIGALRM
        computed = number == signal.SIGPROF and _cpu_time() > _Limit._over_at
        if _Limit.running and (computed or _Limit._ticks >= _WAITING):
            raise _OverTimeError


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether a function takes so many arguments; a wrong call costs more than this question."""
    try:
        function = inspect.unwrap(function)
        code = getattr(function, "__code__", None)
        if code is None or code.co_flags & inspect.CO_VARARGS:
            return True
        return bool(code.co_argcount - len(function.__defaults__ or ()) <= count <= code.co_argcount)
    except Exception:  # of an object that only looks like a function
        return True


def _copied(value: Any) -> Any:
    """Give a value that a function may change."""
    if isinstance(value, list | tuple | set):
        return type(value)(map(_copied, value))
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return value
