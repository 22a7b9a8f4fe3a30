"""The bundled data: benchmark problems are sound, seeds run, and neither holds the other."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stages.evaluate import program_of
from stages.lib import benchmarks
from stages.lib.benchmarks import Problem, load_benchmark
from stages.lib.console import StageError
from stages.lib.sandbox import run_program
from stages.lib.similarity import ngram_overlap

ROOT = Path(__file__).resolve().parents[1]
SEEDS = json.loads((ROOT / "bundled" / "seeds.json").read_text(encoding="utf-8"))
# unittest.main() ends the process and looks into the sandbox's own module: the same tests, run in place
RUN_TESTS = """found = [c for c in list(globals().values()) if isinstance(c, type) and issubclass(c, unittest.TestCase)]
    suites = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, found))
    assert suites.countTestCases() and unittest.TextTestRunner().run(suites).wasSuccessful()"""


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)


def failures(programs: dict[str, str]) -> dict[str, str]:
    """Run programs side by side; gives the result of each that does not pass."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = pool.map(lambda program: run_program(program, 60.0, 2048), programs.values())
        return {name: found.result for name, found in zip(programs, outcomes, strict=True) if not found.passed}


def solved(problems: list[Problem]) -> dict[str, str]:
    return {p.task_id: program_of(p, p.canonical_solution) for p in problems}


def test_humaneval_has_164_problems():
    assert [p.task_id for p in load_benchmark("humaneval")] == [f"HumanEval/{i}" for i in range(164)]


def test_the_dev_set_has_40_problems():
    assert [p.task_id for p in load_benchmark("dev")] == [f"Dev/{i}" for i in range(40)]


def test_task_ids_are_unique_across_benchmarks():
    ids = [p.task_id for name in benchmarks.NAMES for p in load_benchmark(name)]
    assert len(set(ids)) == len(ids) == 204


def test_every_canonical_solution_of_humaneval_passes_in_the_sandbox():
    assert failures(solved(load_benchmark("humaneval"))) == {}


def test_every_canonical_solution_of_the_dev_set_passes_in_the_sandbox():
    assert failures(solved(load_benchmark("dev"))) == {}


def test_an_empty_body_fails_every_problem_of_the_dev_set():
    problems = load_benchmark("dev")
    assert sorted(failures({p.task_id: program_of(p, "    pass\n") for p in problems})) == sorted(solved(problems))


@pytest.mark.parametrize("name", benchmarks.NAMES)
def test_the_first_problems_are_taken_in_order(name):
    assert load_benchmark(name, 3) == load_benchmark(name)[:3]


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(StageError) as caught:
        load_benchmark("mbpp")
    assert str(caught.value) == "benchmark 'mbpp' is unknown, accepted: dev, humaneval"


def test_a_missing_dev_set_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StageError) as caught:
        load_benchmark("dev")
    assert str(caught.value) == "bundled/dev_problems.jsonl: no such file"


def test_a_broken_line_of_the_dev_set_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    benchmarks.DEV_PATH.parent.mkdir()
    benchmarks.DEV_PATH.write_text('{"task_id": 1}\n', encoding="utf-8")
    with pytest.raises(StageError, match=r"bundled/dev_problems\.jsonl:1: "):
        load_benchmark("dev")


def test_seeds_are_alpaca_records_of_text():
    assert {tuple(record) for record in SEEDS} == {("instruction", "input", "output")}
    assert all(isinstance(text, str) for record in SEEDS for text in record.values())
    assert all(record["instruction"].strip() and record["output"].strip() for record in SEEDS)


def test_seeds_are_all_different():
    assert len({(record["instruction"], record["input"]) for record in SEEDS}) == len(SEEDS)


def test_every_python_block_of_the_seeds_runs_alone():
    programs = {
        f"seed {number}, block {block}": code.replace("unittest.main()", RUN_TESTS)
        for number, record in enumerate(SEEDS)
        for block, code in enumerate(re.findall(r"```python\n(.*?)```", record["output"], re.DOTALL))
    }
    assert len(programs) >= 30
    assert failures(programs) == {}


def test_no_seed_holds_half_of_a_benchmark_problem():
    texts = ["\n".join(record.values()) for record in SEEDS]
    problems = [p for name in benchmarks.NAMES for p in load_benchmark(name)]
    shared = {
        (p.task_id, number)
        for p in problems
        for number, text in enumerate(texts)
        if ngram_overlap(f"{p.prompt}\n{p.canonical_solution}", text, 8) >= 0.5
    }
    assert shared == set()
