"""`wizardcoder score` and `compare`: their arguments reach the library."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import wizardcoder
from typer import BadParameter

from wizardcoder.core.console import StageError

PROBLEM = {
    "task_id": "T/0",
    "prompt": 'def one():\n    """Return 1."""\n',
    "canonical_solution": "    return 1\n",
    "entry_point": "one",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
}
SCORE = ("score", "--benchmark", "mine", "--source", "b.jsonl", "--samples", "s.jsonl", "--out", "o.jsonl")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("b.jsonl", PROBLEM)
    return tmp_path


def write(name, *rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def sample(completion):
    return {"task_id": "T/0", "completion": completion}


@pytest.mark.heavy
def test_a_chat_answer_is_extracted_scored_and_written():
    write("s.jsonl", sample("```python\ndef one():\n    return 1\n```"), sample("    return 2\n"))
    wizardcoder(*SCORE, "--extract", "wizardcoder", "--k", "1", "--k", "2", "--workers", "1")
    assert [json.loads(line)["passed"] for line in Path("o.jsonl").read_text().splitlines()] == [True, False]


@pytest.mark.parametrize(
    "option",
    [("--timeout-s", "0"), ("--k", "0"), ("--workers", "0"), ("--mode", "kind"), ("--extract", "some")],
    ids=str,
)
def test_values_that_are_not_accepted_are_wrong_usage(option):
    with pytest.raises(BadParameter):
        wizardcoder(*SCORE, *option)


def test_a_value_that_is_not_accepted_is_named_with_the_accepted_ones():
    with pytest.raises(BadParameter) as caught:
        wizardcoder(*SCORE, "--mode", "kind")
    assert caught.value.message == "'kind' is not one of 'strict', 'official'."


def results(name, *passed):
    write(name, *[{"task_id": f"T/{n}", "passed": ok} for n, ok in enumerate(passed)])


def test_compare_prints_json_with_both_files_and_the_difference_of_b(capsys):
    results("a.jsonl", True, False, False)
    results("b.jsonl", True, True, False)
    wizardcoder("compare", "a.jsonl", "b.jsonl", "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["a"], found["b"]) == ("a.jsonl", "b.jsonl")
    assert found["difference"] == pytest.approx(1 / 3)
    assert found["gained"] == ["T/1"]


def test_compare_names_its_files_and_the_direction_of_the_difference(capsys):
    results("a.jsonl", True, True)
    results("b.jsonl", True, False)
    wizardcoder("compare", "a.jsonl", "b.jsonl")
    shown = capsys.readouterr().err
    assert "difference (B - A) -0.5000" in shown
    for label, name in (("A", "a.jsonl"), ("B", "b.jsonl")):
        assert any(line.split("│")[1:3] == [f" {label} ", f" {name} "] for line in shown.splitlines() if "│" in line)


def test_results_of_different_problems_cannot_be_compared():
    results("a.jsonl", True)
    results("b.jsonl", True, False)
    with pytest.raises(StageError, match="accepted: results of the same problems"):
        wizardcoder("compare", "a.jsonl", "b.jsonl")
