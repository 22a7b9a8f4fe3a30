"""Run a benchmark's own tests here, on functions that are in the sandbox.

In: a problem and a running sample that has loaded the completion. Out: nothing if the tests pass, else an exception.
Each call that the tests make of the function under test is sent to the sandbox, and its result comes back as a plain
value, so nothing within a sample's reach decides the verdict. Trusted: the benchmark's tests and solutions. Does not
cover: tests that need objects of the sample's own classes; those run inside (official mode).
"""

from __future__ import annotations

import ast
import builtins
import contextlib
from collections.abc import Callable
from functools import lru_cache
from types import CodeType
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.sandbox.errors import Died, Raised, TimedOut
from wizardcoder.sandbox.running_sample import RunningSample


def run_tests(problem: Problem, sample: RunningSample) -> None:
    """Run the tests of a `check` or `asserts` problem.

    Calls are sent one by one: a sample that saw the next call could read an earlier answer from its arguments.

    Raises:
        AssertionError: a test fails, or raises an error of its own.
        Raised, Died, TimedOut: the sample does not answer a call.
    """
    check = problem.checker == "check"
    # tests may use the prompt's helpers: these are the benchmark's own; only the function under test is the sample's
    before = f"{problem.prefix}{problem.canonical_solution}" if check else problem.setup
    code, names = _compile_tests(f"{before}\n{problem.test}\n")
    namespace: dict[str, Any] = {"__name__": "test"}
    namespace |= {} if check else {name: _remote_function(sample, name) for name in names}
    try:
        exec(code, namespace)  # noqa: S102 - the benchmark's own tests
        if check:
            namespace[problem.entry_point] = _remote_function(sample, problem.entry_point)
            namespace["check"](namespace[problem.entry_point])
    except (Raised, Died, TimedOut, AssertionError):
        raise
    except Exception as exc:
        if isinstance(exc, MemoryError) and not isinstance(exc.__cause__, Raised):  # the sample did not raise it
            raise Died("the tests ran out of memory on what it returned") from None
        raise AssertionError(f"{type(exc).__name__}: {error_text(exc)}") from exc
    finally:
        namespace.clear()  # its functions refer to it, and to the sample


def error_text(exc: BaseException) -> str:
    """Return an exception's text, if it can be written: it may hold what a sample returned."""
    try:
        return str(exc)
    except Exception as error:
        return f"what can't be written: {type(error).__name__}"


def _remote_function(sample: RunningSample, name: str) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return sample.call(name, args, kwargs)
        except Raised as exc:
            raise _built_in_exception(exc) from exc

    return call


@lru_cache(maxsize=1024)
def _compile_tests(text: str) -> tuple[CodeType, tuple[str, ...]]:
    """Compile tests; return also the names that they use and do not define: the sample's."""
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            own |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}
    names = sorted(name for name in used - own if not hasattr(builtins, name))
    return compile(tree, "test.py", "exec", dont_inherit=True), tuple(names)


def _built_in_exception(exc: Raised) -> Exception:
    """Return the built-in exception of the same name, so that tests that expect one see it."""
    kind = getattr(builtins, exc.type_name, None)
    # these would end a test's `all(map(...))` early, as if it had passed
    ends_iteration = (StopIteration, StopAsyncIteration)
    if isinstance(kind, type) and issubclass(kind, Exception) and not issubclass(kind, ends_iteration):
        with contextlib.suppress(TypeError):  # a few need more than a text
            return kind(exc.text)
    return exc
