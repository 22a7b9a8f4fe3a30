"""Finds what a program defines, by its syntax tree.

In: a parsed program. Out: its definitions, and what of a class can be called. Nothing is run. Only the standard library
is imported: the sandbox loads this file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign)


def iterate_definitions(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield imports, functions and classes, also inside `if`, `try` and `with`; assignments only at the top level."""
    pending = [(statement, True) for statement in reversed(body)]
    while pending:  # no recursion: a chain of `elif` may exceed its limit
        statement, top_level = pending.pop()
        if isinstance(statement, _DEFINITIONS) or (top_level and isinstance(statement, _ASSIGNMENTS)):
            yield statement
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            nested = list(statement.body)
            for handler in getattr(statement, "handlers", []):
                nested += handler.body
            for part in ("orelse", "finalbody"):
                nested += getattr(statement, part, [])
            pending += [(inner, False) for inner in reversed(nested)]


def find_name(statement: ast.stmt) -> str | None:
    """Return the name of the function, class or lambda that a statement defines."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return statement.name
    if isinstance(statement, _ASSIGNMENTS) and isinstance(statement.value, ast.Lambda):
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        return target.id if isinstance(target, ast.Name) else None
    return None


def list_methods(statement: ast.ClassDef) -> list[ast.FunctionDef]:
    """Return a class's methods whose names do not start with two underscores."""
    return [inner for inner in statement.body if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__")]


def takes_arguments(statement: ast.ClassDef) -> bool:
    """Whether a class seems to be constructed with arguments: it has an `__init__` or a decorator (a dataclass)."""
    own = any(isinstance(inner, ast.FunctionDef) and inner.name == "__init__" for inner in statement.body)
    return own or bool(statement.decorator_list)
