"""Stage analyze: a small project worked out by hand, a real one, and rounds that hold little or nothing."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bench.mock_endpoint import MockEndpoint
from stages import analyze
from wizardcoder.analysis import figures
from wizardcoder.analysis.difficulty import DifficultyJudgement
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import read_yaml
from wizardcoder.core.records import Example, Rejected, read_records, write_jsonl

ROOT = Path(__file__).resolve().parents[2]
LOOP = "```python\nfor x in y:\n    if x:\n        pass\n```"
S = Example("s", None, 0, None, "Sort a list", "```python\nx = 1\n```", language="python", verdict="ran")
T = Example("t", None, 0, None, "Open doors", "No code here", verdict="no_code")
S1 = replace(S, id="s-r1", parent_id="s", round=1, heuristic="reasoning", response=LOOP, verdict="raised")
S1 = replace(S1, instruction_tokens=4, response_tokens=20)
T1 = Example("t-r1", "t", 1, "constraints", "Paint walls. It must shine in place.", "{")
T3 = Example("t-r1-r3", "t-r1", 3, "constraints", "Open doors", "Done.", verdict="unchecked")
REFUSED = Rejected("u-r1", "u", 1, "reasoning", "refusal", "x", "y")
GOLDEN = {
    "sample": 2000,
    "compared": 2,
    "r0.attempted": 2,
    "r0.accepted": 2,
    "r0.rejected": 0,
    "r0.acceptance": 1.0,
    "r0.total": 2,
    "r0.drawn": 2,
    "r0.instruction_tokens": 2.5,  # 3 and 2
    "r0.response_tokens": 6.5,  # 10, of which 6 backticks, and 3
    "r0.requirements": 1.0,
    "r0.cyclomatic": 1.0,
    "r0.maintainability": 100.0,
    "r0.nesting": 0.0,
    "r0.nearest_in_round": 0.0,
    "r0.distinct_1": 1.0,
    "r0.distinct_2": 1.0,
    "r0.distinct_3": 1.0,
    "r0.similarity.own": 0.0,
    "r0.reached.own": 0.0,
    "r1.attempted": 3,
    "r1.accepted": 2,
    "r1.rejected": 1,
    "r1.acceptance": 0.666667,
    "r1.total": 4,
    "r1.drawn": 2,
    "r1.instruction_tokens": 6.0,  # 3 and 9
    "r1.response_tokens": 8.5,  # 16 and 1
    "r1.teacher_instruction_tokens": 4.0,
    "r1.teacher_response_tokens": 20.0,
    "r1.requirements": 2.0,  # 1 and 3: a sentence, and one with two constraints
    "r1.cyclomatic": 3.0,
    "r1.maintainability": 100.0,
    "r1.nesting": 2.0,
    "r1.nearest_in_round": 0.0,
    "r1.nearest_in_round_before": 0.5,  # one of two occurs there verbatim
    "r1.to_parent": 0.5,  # the same text, and another
    "r1.to_seed": 0.5,
    "r1.distinct_1": 1.0,
    "r1.distinct_2": 1.0,
    "r1.distinct_3": 1.0,
    "r1.similarity.own": 0.0,
    "r1.reached.own": 0.0,
    "r2.attempted": 0,
    "r2.accepted": 0,
    "r2.rejected": 0,
    "r2.total": 4,
    "r2.drawn": 0,
    "r3.attempted": 1,
    "r3.accepted": 1,
    "r3.rejected": 0,
    "r3.acceptance": 1.0,
    "r3.total": 5,
    "r3.drawn": 1,
    "r3.instruction_tokens": 2.0,
    "r3.response_tokens": 2.0,
    "r3.requirements": 1.0,
    "r3.to_parent": 0.0,
    "r3.to_seed": 1.0,  # as its seed again
    "r3.similarity.own": 0.0,
    "r4.attempted": 2,
    "r4.accepted": 0,
    "r4.rejected": 2,
    "r4.acceptance": 0.0,
    "r4.total": 5,
    "r4.drawn": 0,
}


class Project:
    """A folder with five rounds, in which the stage runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "bundled").symlink_to(ROOT / "bundled")
        self.write({})
        self.set()

    def write(self, examples: dict[int, list[Example]], rejected: dict[int, list[Rejected]] | None = None, dropped=()):
        """Write the rounds; all but those whose id was dropped went through screening."""
        gone = {item.id for item in dropped}
        for number in range(5):
            own = examples.get(number, [])
            folder = paths.ROUNDS / f"r{number}"
            raw = [replace(example, language=None, verdict=None) for example in own]
            write_jsonl(folder / "examples.jsonl", raw)
            write_jsonl(folder / "rejected.jsonl", (rejected or {}).get(number, []))
            write_jsonl(paths.SCREENED / f"r{number}.jsonl", [example for example in own if example.id not in gone])
        write_jsonl(paths.SCREENED / "dropped.jsonl", dropped)

    def set(self, sections: dict[str, dict] | None = None, **analyze_keys: object) -> None:
        """Write the committed params with one small benchmark instead of the usual ones."""
        problem = {"task_id": "own/0", "prompt": "def zzz():\n", "canonical_solution": "    yyy\n"}
        rest = {"entry_point": "zzz", "test": "def check(candidate):\n    assert candidate\n"}
        write_jsonl(Path("own.jsonl"), [problem | rest])
        params = read_yaml(ROOT / "params.yaml")
        params["benchmarks"]["own"] = "own.jsonl"
        params["decontaminate"]["benchmarks"] = ["own"]
        params["analyze"] |= analyze_keys
        for name, values in (sections or {}).items():
            params[name] |= values
        with Path("params.yaml").open("w", encoding="utf-8") as file:
            YAML().dump(params, file)

    def run(self) -> dict[str, object]:
        """Run the stage and give its metrics, in which no number may be NaN."""
        analyze.main()
        return json.loads(paths.ANALYZE_METRICS.read_text(encoding="utf-8"), parse_constant=pytest.fail)

    def rows(self, name: str) -> list[dict[str, str]]:
        with (paths.ANALYSIS / name).open(encoding="utf-8") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def real_project(tmp_path, monkeypatch):
    """Give a project whose rounds are empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WC_CACHE_DIR", str(tmp_path / "cache"))
    return Project(tmp_path)


@pytest.fixture
def project(real_project, monkeypatch):
    """Give a project that draws no pictures, which takes seconds."""
    monkeypatch.setattr(figures, "draw_all", lambda accounts, benchmarks, out: 0)
    return real_project


@pytest.fixture
def small(project):
    """Give the project that GOLDEN counts: a round that was switched off, and one that rejected everything."""
    rejected = {1: [REFUSED], 4: [replace(REFUSED, round=4), replace(REFUSED, round=4, reason="response_cut")]}
    dropped = [Rejected("t-r1", "t", 1, "constraints", "verdict.syntax_error", T1.instruction, T1.response)]
    project.write({0: [S, T], 1: [S1, T1], 3: [T3]}, rejected, dropped)
    return project


def test_metrics_are_those_worked_out_by_hand(small):
    assert small.run() == GOLDEN


def test_tables_hold_every_count(small):
    small.run()
    outcomes = [tuple(row.values()) for row in small.rows("outcomes.csv")]
    assert outcomes == [
        ("0", "", "accepted", "2"),
        ("1", "constraints", "accepted", "1"),
        ("1", "reasoning", "accepted", "1"),
        ("1", "reasoning", "refusal", "1"),
        ("3", "constraints", "accepted", "1"),
        ("4", "reasoning", "refusal", "1"),
        ("4", "reasoning", "response_cut", "1"),
    ]
    assert [tuple(row.values()) for row in small.rows("mix.csv")] == [
        ("0", "language", "no code", "1"),
        ("0", "language", "python", "1"),
        ("0", "verdict", "no_code", "1"),
        ("0", "verdict", "ran", "1"),
        ("1", "language", "python", "1"),
        ("1", "verdict", "raised", "1"),
        ("1", "verdict", "syntax_error", "1"),
        ("1", "dropped", "verdict.syntax_error", "1"),
        ("3", "language", "no code", "1"),
        ("3", "verdict", "unchecked", "1"),
    ]


def test_each_record_has_a_line_with_its_measures_and_blanks_where_it_has_none(small):
    small.run()
    rows = {row["id"]: row for row in small.rows("records.csv")}
    assert sorted(rows) == ["s", "s-r1", "t", "t-r1", "t-r1-r3"]
    assert (rows["s-r1"]["cyclomatic"], rows["s-r1"]["to_parent"]) == ("3", "1.0")
    assert (rows["t-r1"]["cyclomatic"], rows["s"]["to_parent"], rows["s"]["heuristic"]) == ("", "", "")


def test_measures_have_a_line_for_each_round_that_has_them(small):
    small.run()
    found = {(row["round"], row["measure"]): row for row in small.rows("measures.csv")}
    assert found["1", "instruction_tokens"] == {
        "round": "1",
        "measure": "instruction_tokens",
        "n": "2",
        "mean": "6.0",
        "margin": "5.87989",  # 1.959964 * sqrt(18) / sqrt(2)
        "q1": "4.5",
        "median": "6.0",
        "q3": "7.5",
    }
    assert ("3", "cyclomatic") not in found


def test_the_plotted_table_has_a_line_for_each_round(small):
    small.run()
    with paths.ROUNDS_TABLE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["round"], row["acceptance"], row["cyclomatic"]) for row in rows] == [
        ("0", "1.0", "1.0"),
        ("1", "0.666667", "3.0"),
        ("2", "", ""),
        ("3", "1.0", ""),
        ("4", "0.0", ""),
    ]


def test_a_record_that_equals_a_problem_has_similarity_1(project):
    project.write({0: [replace(S, instruction="def zzz():", response="    yyy\n"), T]})
    metrics = project.run()
    assert (metrics["r0.similarity.own"], metrics["r0.reached.own"]) == (0.5, 1.0)


def test_no_record_at_all_gives_counts_of_zero(project):
    metrics = project.run()
    assert metrics["compared"] == metrics["r4.total"] == 0
    assert set(metrics) == {"sample", "compared"} | {
        f"r{n}.{name}" for n in range(5) for name in ("attempted", "accepted", "rejected", "total", "drawn")
    }


def test_rounds_of_one_record_have_no_neighbours_and_no_diversity(project):
    project.write({0: [S], 1: [S1]})
    metrics = project.run()
    assert metrics["compared"] == 0
    assert metrics["r1.to_parent"] == 1.0
    assert not [key for key in metrics if "nearest" in key or "distinct" in key or "reached" in key]


def test_texts_without_a_word_are_no_error(project):
    project.write({0: [replace(S, instruction="?"), replace(T, instruction="!")], 1: [replace(S1, instruction="?")]})
    metrics = project.run()
    assert metrics["r0.instruction_tokens"] == 1.0
    assert metrics["r1.to_parent"] == 0.0
    assert "r0.distinct_1" not in metrics


def test_a_sample_is_drawn_and_told(project):
    seeds = [replace(S, id=f"s{n}", instruction=f"number{n}") for n in range(9)]
    project.write({0: seeds, 1: [replace(e, id=f"{e.id}-r1", parent_id=e.id, round=1) for e in seeds[:3]]})
    project.set(sample=5)
    metrics = project.run()
    assert (metrics["sample"], metrics["compared"]) == (5, 3)
    assert (metrics["r0.accepted"], metrics["r0.drawn"], metrics["r1.drawn"]) == (9, 5, 3)
    assert len(project.rows("records.csv")) == 8
    assert sum(row["nearest_in_round"] != "" for row in project.rows("records.csv")) == 6


def test_difficulty_that_is_off_asks_nothing(small):
    assert "difficulty_unscored" not in small.run()
    assert not (small.folder / "cache").exists()
    assert (paths.ANALYSIS / "difficulty.jsonl").read_text() == ""


def test_the_teacher_rates_a_sample_and_is_asked_once(small, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")

    def reply(body: dict) -> str:
        return "I cannot say" if "Paint walls" in body["messages"][0]["content"] else "Score: 7"

    with MockEndpoint(reply=reply) as mock:
        small.set({"teacher": {"base_url": mock.url}}, difficulty="teacher", difficulty_attempts=2)
        metrics = small.run()
        assert mock.counts["answered"] == 6  # five records, one of them twice
        assert {body["max_tokens"] for body in mock.bodies} == {
            read_yaml(ROOT / "params.yaml")["teacher"]["judge"]["max_tokens"]
        }
        assert small.run() == metrics
        assert mock.counts["answered"] == 6
    found = {"r0.difficulty": 7.0, "r1.difficulty": 7.0, "r3.difficulty": 7.0, "difficulty_unscored": 1}
    assert metrics == GOLDEN | found
    rated = read_records(paths.ANALYSIS / "difficulty.jsonl", DifficultyJudgement)
    assert {(j.id, j.score, j.attempts, j.answer) for j in rated} == {
        ("s", 7, 1, "Score: 7"),
        ("t", 7, 1, "Score: 7"),
        ("s-r1", 7, 1, "Score: 7"),
        ("t-r1", None, 2, "I cannot say"),
        ("t-r1-r3", 7, 1, "Score: 7"),
    }


def test_a_judge_that_gives_no_score_stops_the_stage(small, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    with MockEndpoint(reply=lambda _: "It is hard.") as mock:
        small.set({"teacher": {"base_url": mock.url}}, difficulty="teacher")
        with pytest.raises(StageError, match=r"5 of 5 judgements of .* are unclear.*'It is hard.'"):
            small.run()
    assert not paths.ANALYSIS.exists()


def test_an_endpoint_that_is_down_is_one_line_and_nothing_is_written(small, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    small.set({"teacher": {"base_url": "http://127.0.0.1:9/v1", "retries": 0}}, difficulty="teacher")
    with pytest.raises(StageError) as caught:
        small.run()
    assert "\n" not in str(caught.value)
    assert not paths.ANALYSIS.exists()
    assert not paths.ANALYZE_METRICS.exists()


def test_a_benchmark_without_a_source_is_refused_before_anything_is_written(small):
    small.set({"decontaminate": {"benchmarks": ["mbpp_plus"]}})
    with pytest.raises(StageError, match=r"^benchmarks\.mbpp_plus: not set in params\.yaml"):
        small.run()
    assert not paths.ANALYSIS.exists()


@pytest.mark.heavy
def test_a_real_set_gives_the_same_bytes_twice_whatever_the_order(real_project):
    seeds = [
        Example(f"seed{n}", None, 0, None, record["instruction"], record["output"], language="python", verdict="ran")
        for n, record in enumerate(json.loads((ROOT / "bundled/seeds.json").read_text(encoding="utf-8")))
    ]
    evolved = [
        replace(
            seed,
            id=f"{seed.id}-r1",
            parent_id=seed.id,
            round=1,
            heuristic="constraints",
            instruction=f"{seed.instruction} It must run in place, without recursion.",
        )
        for seed in seeds[::2]
    ]
    real_project.write({0: seeds, 1: evolved})
    metrics = real_project.run()
    first = {path.name: path.read_bytes() for path in paths.ANALYSIS.iterdir()}
    shutil.rmtree(paths.ANALYSIS)
    real_project.write({0: seeds[::-1], 1: evolved[::-1]})
    assert real_project.run() == metrics
    assert {path.name: path.read_bytes() for path in paths.ANALYSIS.iterdir()} == first
    assert len(first) == 5 + 2 * len(figures.PICTURES)
    assert metrics["r1.requirements"] == pytest.approx(metrics["r0.requirements"] + 3, abs=0.5)
    assert metrics["r1.instruction_tokens"] == pytest.approx(metrics["r0.instruction_tokens"] + 9, abs=3)
    assert 0.3 < metrics["r1.to_parent"] == metrics["r1.to_seed"] < 1.0
    assert metrics["r1.distinct_1"] < metrics["r0.distinct_1"]
    assert metrics["r0.cyclomatic"] > 1.0


FUNCTION = "def f(x):\n    return x if x else 1\n"


@pytest.mark.parametrize(
    "response",
    [
        f"```python\n{FUNCTION}```\nUse it:\n```python\nprint(f(1), f(2), f(3), f(4), f(5), f(6))\n```",
        f"{FUNCTION}\nOutput:\n1, 2, 3",
    ],
    ids=["two_blocks", "shown_output"],
)
def test_the_measured_code_is_the_one_that_screen_verifies(project, response):
    # Of two extractions source_code.extraction won. The evaluation rule longest_fence took the longest block alone, and
    # an answer without a fence whole, which is not Python if it shows output.
    project.write({0: [replace(S, response=response)]})
    assert project.run()["r0.cyclomatic"] == 2.0
