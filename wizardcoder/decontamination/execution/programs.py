"""Reads which functions a piece of code defines. Nothing is run."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

from wizardcoder.decontamination.execution.code_definitions import iterate_definitions, list_methods, takes_arguments

_MAX_STAR_ARGUMENTS = 6


@dataclass(frozen=True, slots=True)
class Program:
    """Code that defines functions.

    Attributes:
        text: the code.
        widths: the numbers of arguments that its functions take.
        functions: an upper bound of their number.
    """

    text: str
    widths: frozenset[int]
    functions: int


def parse_program(code: str) -> Program | None:
    """Return the program, or None if the code defines no function.

    Raises:
        SyntaxError: the code is not valid Python.
    """
    widths: set[int] = set()
    functions = 0
    for statement in iterate_definitions(_parse(code).body):
        if isinstance(statement, ast.ClassDef):
            functions += len(list_methods(statement)) * (1 + takes_arguments(statement))
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef):  # __init__ too: the constructor may take the arguments
                    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in inner.decorator_list)
                    widths |= _count_arguments(inner.args, 0 if static else 1)
        elif isinstance(statement, ast.FunctionDef):
            functions += 1
            widths |= _count_arguments(statement.args, 0)
        elif isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(statement.value, ast.Lambda):
            functions += 1
            widths |= _count_arguments(statement.value.args, 0)
    return Program(code, frozenset(widths), functions) if widths else None


def _parse(code: str) -> ast.Module:
    try:
        with warnings.catch_warnings():  # about the sample's code, which is not ours
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (ValueError, RecursionError, MemoryError) as exc:
        raise SyntaxError(str(exc)) from exc


def _count_arguments(arguments: ast.arguments, bound: int) -> set[int]:
    """Return the numbers of positional arguments that a function takes, without the first `bound` ones."""
    most = len(arguments.posonlyargs) + len(arguments.args) - bound
    least = most - len(arguments.defaults)
    return set(range(max(least, 0), (least + _MAX_STAR_ARGUMENTS if arguments.vararg else most) + 1))
