"""Trace a test problem: how the models did on it, and which training samples were excluded because of it.

In: a benchmark's task_id, a revision of the project. Out: a plain record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wizardcoder.core import paths
from wizardcoder.lineage.record_files import rows_with
from wizardcoder.lineage.revision import Revision


@dataclass(frozen=True, slots=True)
class ProblemTrace:
    """A test problem: its results by file (BENCHMARK.MODEL.jsonl), and the training samples excluded because of it."""

    task_id: str
    results: list[dict[str, Any]]
    excluded: list[dict[str, Any]]


def trace_problem(task_id: str, revision: Revision) -> ProblemTrace | None:
    """Return the results of a test problem and the exclusions because of it; None where there are neither."""
    results = [
        {"file": name, "passed": row["passed"], "result": row["result"]}
        for name in revision.files(paths.RESULTS.as_posix())
        if name.endswith(".jsonl")
        for row in rows_with(paths.RESULTS / name, "task_id", task_id, revision)
    ]
    shown = ("id", "benchmark", "similarity", "overlap", "judgement")
    excluded = [{key: row.get(key) for key in shown} for row in rows_with(paths.EXCLUDED, "task_id", task_id, revision)]
    return ProblemTrace(task_id, results, excluded) if results or excluded else None
