"""Labelled pairs: test samples leaked into training data in several ways, and similar samples that are no leaks.

In: HumanEval, and MBPP if given. Out: training samples, each with the test sample that it is compared with, how it was
made, and whether it is a leak. Deterministic. The hand-written texts are in planted.yaml and planted_blind.yaml. This
is a module for bench/decontaminate.py, not a script.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.params import read_yaml
from wizardcoder.core.records import Example

TEXTS = Path(__file__).with_name("planted.yaml")
BLIND = Path(__file__).with_name("planted_blind.yaml")
COPIES = 40  # of each generated kind
ELSEWHERE = "Here is a part of my program. Could you comment on its style?"


@dataclass(frozen=True, slots=True)
class Planted:
    """A training sample made from a test sample, or chosen because it is similar to one."""

    kind: str
    task_id: str
    leak: bool
    example: Example


def list_planted(problems: Mapping[str, Problem]) -> list[Planted]:
    """Return every labelled pair whose test samples are among `problems` (by task id)."""
    texts = read_yaml(TEXTS)
    made = [*_copies(problems), *_written(texts["leaks"], problems), *_blind(problems)]
    return [*made, *_neighbours(texts["near"], problems), *_unrelated(problems)]


def extract_statement(problem: Problem) -> str:
    """Return the problem's task as prose."""
    if problem.task_id.startswith("MBPP"):
        return problem.prompt.splitlines()[1].strip()
    node = [n for n in ast.parse(problem.prompt + "    pass").body if isinstance(n, ast.FunctionDef)][-1]
    return (ast.get_docstring(node) or "").split(">>>")[0].strip()


def rename_variables(code: str, *, docstring: bool) -> str:
    """Replace all names that the code defines, and unparse it, which removes comments."""
    tree = ast.parse(code)
    own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    new = {name: f"item_{place}" for place, name in enumerate(sorted(own - {"self"}))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = new.get(node.id, node.id)
        elif isinstance(node, ast.arg):
            node.arg = new.get(node.arg, node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.name = new.get(node.name, node.name)
            if not docstring and ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def join_program(problem: Problem) -> str:
    """Return the complete reference: HumanEval's solution follows its prompt, MBPP's needs none."""
    return problem.prefix + problem.canonical_solution


def _copies(problems: Mapping[str, Problem]) -> Iterator[Planted]:
    chosen = list(problems.values())[:: max(1, len(problems) // COPIES)][:COPIES]
    for problem in chosen:
        whole, task = join_program(problem), extract_statement(problem)
        yield _plant("copied whole", problem, ELSEWHERE, problem.prompt + problem.canonical_solution)
        yield _plant("task alone", problem, f"{task}\nExplain each step.", "print('see the manual')")
        yield _plant("solution alone", problem, ELSEWHERE, whole.replace(problem.prompt, _head(problem)))
        yield _plant("renamed", problem, f"Solve this.\n{task}", rename_variables(whole, docstring=True))
        yield _plant("renamed, solution alone", problem, ELSEWHERE, rename_variables(whole, docstring=False))


def _head(problem: Problem) -> str:
    """Return HumanEval's last `def` line, without the docstring below it."""
    lines = [line for line in problem.prompt.splitlines() if line.startswith("def ")]
    return "\n".join([*lines[-1:], ""])


def _written(leaks: list[dict[str, Any]], problems: Mapping[str, Problem]) -> Iterator[Planted]:
    for leak in leaks:
        if (problem := problems.get(leak["task"])) is None:
            continue
        yield _plant("reworded, own solution", problem, leak["reworded"], leak["code"])
        for language, text in leak.get("translated", {}).items():
            yield _plant(
                f"translated {language}", problem, text, rename_variables(join_program(problem), docstring=False)
            )
            yield _plant(f"translated {language}, own solution", problem, text, leak["code"])


def _blind(problems: Mapping[str, Problem]) -> Iterator[Planted]:
    for leak in read_yaml(BLIND)["leaks"]:
        if (problem := problems.get(leak["task"])) is not None:
            yield _plant(f"reworded, own solution, blind set {leak['set']}", problem, leak["reworded"], leak["code"])


def _neighbours(near: list[dict[str, Any]], problems: Mapping[str, Problem]) -> Iterator[Planted]:
    for pair in near:
        other = problems.get(pair.get("of", ""))
        if (problem := problems.get(pair["task"])) is None or ("of" in pair and other is None):
            continue
        text, code = (pair["text"], pair["code"]) if other is None else (extract_statement(other), join_program(other))
        yield _plant("near", problem, text, code, leak=False)


def _unrelated(problems: Mapping[str, Problem]) -> Iterator[Planted]:
    """Pair evenly spaced problems with one from the other half of the list."""
    every = list(problems.values())
    for place in range(0, len(every), max(1, len(every) // (2 * COPIES))):
        other = every[(place + len(every) // 2) % len(every)]
        yield _plant("unrelated", every[place], extract_statement(other), join_program(other), leak=False)


def _plant(kind: str, problem: Problem, instruction: str, code: str, *, leak: bool = True) -> Planted:
    response = f"```python\n{code.strip()}\n```\nLet me know if you have any questions."
    key = f"planted/{kind}/{problem.task_id}"
    return Planted(kind, problem.task_id, leak, Example(key, None, 0, None, instruction, response))
