"""Complexity of a Python program, from its text alone; nothing is run.

In: Python code. Out: radon's cyclomatic complexity and maintainability index, and the nesting depth of control flow.
"""

from __future__ import annotations

import ast
import tokenize
import warnings
from dataclasses import dataclass

from radon.metrics import mi_compute, mi_parameters

_CONTROL = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError, tokenize.TokenError)


@dataclass(frozen=True, slots=True)
class CodeMeasures:
    """`cyclomatic`: of the whole program, from 1 up; `maintainability`: 0 to 100, higher is simpler; `nesting`: from 0.

    `cyclomatic` is radon's total: 1, 1 for each decision anywhere, and 1 for each method.
    """

    cyclomatic: int
    maintainability: float
    nesting: int


def measure_python(code: str) -> CodeMeasures | None:
    """Measure a program; None if it is not Python or has no statement."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of the measured code, such as an invalid escape
            tree = ast.parse(code)
            if not tree.body:
                return None
            volume, cyclomatic, lines, comments = mi_parameters(code)
    except _UNREADABLE:
        return None
    return CodeMeasures(cyclomatic, mi_compute(volume, cyclomatic, lines, comments), nesting_depth(tree))


def nesting_depth(tree: ast.AST) -> int:
    """Return the maximum nesting depth of control structures (if, for, while, with, try, match).

    Functions, classes and comprehensions do not count; an `elif` has the depth of its `if`.
    """
    deepest = 0
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        for child in ast.iter_child_nodes(node):
            deeper = isinstance(child, _CONTROL) and not _is_elif(node, child)
            waiting.append((child, depth + deeper))
    return deepest


def _is_elif(parent: ast.AST, child: ast.AST) -> bool:
    if not (isinstance(parent, ast.If) and isinstance(child, ast.If) and parent.orelse == [child]):
        return False
    return child.col_offset == parent.col_offset  # an `else:` with an `if` in it is indented
