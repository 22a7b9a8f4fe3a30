"""Pages of two result files, outside the stage."""

from __future__ import annotations

import json

import pytest

from bench.made_run import write_run
from wizardcoder.core.console import StageError
from wizardcoder.report.build import write_comparison_page
from wizardcoder.report.votes.comparison import read_comparison

PROBLEMS = [(f"Dev/{n}", f"def f{n}():\n") for n in range(6)]


@pytest.fixture
def results(tmp_path):
    """Return the result files of two models in the folder of a made-up run."""
    write_run(tmp_path, [("any", "any")], 1, PROBLEMS)
    return [tmp_path / f"data/results/dev.{label}.jsonl" for label in ("base", "tuned")]


def test_two_result_files_can_be_compared(results, tmp_path):
    rest = {"entry_point": "f", "canonical_solution": "    pass\n", "test": "def check(f): pass\n"}
    mine = [{"task_id": task, "prompt": prompt, **rest} for task, prompt in PROBLEMS]
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mine))
    write_comparison_page(*results, "mine", str(tmp_path / "mine.jsonl"), tmp_path / "compare.html")
    found = read_comparison(tmp_path / "compare.html")
    assert (found.a, found.b, found.items[0].instruction) == ("dev.base", "dev.tuned", PROBLEMS[0][1])


def test_results_of_an_unknown_benchmark_are_refused(results, tmp_path):
    with pytest.raises(StageError, match=r"^--benchmark: 'mine' is not available; "):
        write_comparison_page(*results, "mine", None, tmp_path / "compare.html")


def test_a_file_is_not_compared_with_itself(results, tmp_path):
    with pytest.raises(StageError, match=r"dev.base.jsonl: accepted: another file than "):
        write_comparison_page(results[0], results[0], "dev", None, tmp_path / "compare.html")
