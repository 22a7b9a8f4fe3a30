"""The code of answers is extracted, run and judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.benchmarks.protocol import Timeouts
from wizardcoder.core.console import Track
from wizardcoder.core.params import load
from wizardcoder.evaluation.answers import BenchmarkAnswers
from wizardcoder.evaluation.results import SampleResult
from wizardcoder.evaluation.score_answers import score_benchmark
from wizardcoder.evaluation.settings import Params

SUM = "```python\n    return a + b\n```"
ROOT = Path(__file__).resolve().parents[2]
PARAMS = load(Params, ROOT / "params.yaml")

ADD, SUB = 'def add(a, b):\n    """Add."""\n', 'def sub(a, b):\n    """Subtract."""\n'
BENCHMARK = [
    {
        "task_id": f"T/{number}",
        "prompt": prompt,
        "entry_point": name,
        "canonical_solution": f"    return a {sign} b\n",
        "test": f"def check(candidate):\n    assert candidate(5, 2) == 5 {sign} 2\n",
    }
    for number, (prompt, name, sign) in enumerate([(ADD, "add", "+"), (SUB, "sub", "-")])
]


def settings(**changes):
    """Return the real parameters with other values in `evaluate`, and all benchmarks in `decontaminate.benchmarks`."""
    found = replace(PARAMS.evaluate, **changes)
    return replace(PARAMS, evaluate=found, decontaminate=replace(PARAMS.decontaminate, benchmarks=list(found.problems)))


@pytest.mark.heavy
def test_answers_are_taken_out_run_and_judged_each_sample_on_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path))
    problems = [Problem(**row, prefix=row["prompt"]) for row in BENCHMARK]
    whole = "Sure:\n```python\ndef sub(a, b):\n    return a - b\n```\nDone."
    ends = "```python\nraise SystemExit(0)\n```"
    params, bar = settings(timeout_s=Timeouts(20.0, 20.0, 20.0)), Track("t", 4, None, None)
    rows, layers = score_benchmark(
        "own", problems, BenchmarkAnswers([[SUM, ends], [SUM, whole]], [1.5, None]), params.evaluate, bar
    )
    assert [replace(row, seconds=0.0) for row in rows] == [
        SampleResult("T/0", 0, "\n    return a + b\n", True, "passed", 0.0, SUM, 1.5),
        SampleResult("T/0", 1, "\nraise SystemExit(0)\n", False, "failed: SystemExit: 0", 0.0, ends, 1.5),
        SampleResult("T/1", 0, "\n    return a + b\n", False, "failed: AssertionError", 0.0, SUM, None),
        SampleResult("T/1", 1, "\ndef sub(a, b):\n    return a - b\n", True, "passed", 0.0, whole, None),
    ]
    assert (bar.done, len(layers) > 1) == (4, True)
