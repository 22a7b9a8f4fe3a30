"""Results of a benchmark's reference solutions: computed once, kept in the cache folder for all judges.

In: a problem, the name of a result, how to compute it. Out: the result. The file's keys contain the whole problem, so a
changed problem is computed again. Does not cover: running the solutions (judge.py).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.core.cache import cache_dir
from wizardcoder.core.store import AnswerStore, Key

T = TypeVar("T")


@dataclass(slots=True)
class _Memo:
    problem: Problem
    results: dict[str, Any] = field(default_factory=dict)


class References:
    """One process's view of the results. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._store = AnswerStore(cache_dir() / "references.sqlite")
        self._memos: dict[str, _Memo] = {}  # by task_id, so that memory is bounded by the benchmark

    def __enter__(self) -> Self:
        self._store.__enter__()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.__exit__(exc_type, exc, trace)

    def remember(self, problem: Problem, what: str, compute: Callable[[], T]) -> T:
        """Return a result of this problem that was computed before in this process, else compute it."""
        memo = self._memos.get(problem.task_id)
        if memo is None or (memo.problem is not problem and memo.problem != problem):
            memo = self._memos[problem.task_id] = _Memo(problem)
        if what not in memo.results:
            memo.results[what] = compute()
        found: T = memo.results[what]
        return found

    def load(self, problem: Problem, what: str) -> dict[str, Any] | None:
        """Return what any process has saved for this problem."""
        return self._store.get(_key(problem, what))

    def save(self, problem: Problem, what: str, result: dict[str, Any]) -> None:
        """Keep a result for all processes."""
        self._store.put(_key(problem, what), result)

    def load_or_compute(self, problem: Problem, what: str, compute: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return a saved result, else compute and save it."""
        found = self.load(problem, what)
        if found is None:
            found = compute()
            self.save(problem, what, found)
        return found


def _key(problem: Problem, what: str) -> Key:
    return Key.of({"problem": repr(problem), "what": what, "python": sys.version_info[:2]})
