"""Two result files are compared problem by problem, with interval and p-value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.evaluation.compare_files import compare_files, print_comparison_json, show_comparison


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, rows):
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_results(name, passed):
    """Write results; `passed` maps a task_id to its samples, x passed, . failed."""
    write(
        name, [{"task_id": t, "completion": "", "passed": ok == "x", "result": ""} for t in passed for ok in passed[t]]
    )


def refusal(a, b):
    with pytest.raises(StageError) as refused:
        compare_files(Path(a), Path(b))
    return str(refused.value)


def cells(shown):
    """Return the rows of a table on the screen."""
    rows = (line.replace("┃", "│").split("│")[1:-1] for line in shown.splitlines())
    return [[cell.strip() for cell in row] for row in rows if row]


def test_two_result_files_are_compared_with_difference_interval_and_p_value(capsys):
    write_results("a.jsonl", {"T/0": ".", "T/1": "x", "T/2": ".", "T/3": "."})
    write_results("b.jsonl", {"T/3": "x", "T/2": "x", "T/1": ".", "T/0": "x"})
    show_comparison(compare_files(Path("a.jsonl"), Path("b.jsonl")))
    said = capsys.readouterr().err
    assert cells(said) == [["", "results", "pass@1"], ["A", "a.jsonl", "0.2500"], ["B", "b.jsonl", "0.7500"]]
    # 3 gained, 1 lost: 2 * (1 + 4) / 2^4; Wilson's intervals of 1 and 3 of 4 are 0.046 to 0.699 and 0.301 to 0.954, and
    # phi is -1: 0.5 -+ (0.449 + 0.449) and 0.5 + (0.204 + 0.204)
    assert said.splitlines()[-3:] == [
        "difference (B - A) +0.5000, 95 % interval -0.3987 to +0.9088, p = 0.625 (exact McNemar test), 4 problems",
        "gained (only B passes) 3: T/0, T/2, T/3",
        "lost (only A passes) 1: T/1",
    ]


def test_files_with_several_samples_are_compared_by_a_permutation_test(capsys):
    write_results("a.jsonl", {"T/0": "x.", "T/1": "xx"})
    write_results("b.jsonl", {"T/0": "x...", "T/1": "xxxx"})
    show_comparison(compare_files(Path("a.jsonl"), Path("b.jsonl")))
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "difference (B - A) -0.1250, 95 % interval -0.2500 to +0.0000, p = 1 (permutation test), 2 problems",
        "gained (only B passes) 0: -",
        "lost (only A passes) 1: T/0",
    ]


def test_a_file_compared_with_itself_differs_in_nothing(capsys):
    write_results("a.jsonl", {"T/0": "x", "T/1": "."})
    show_comparison(compare_files(Path("a.jsonl"), Path("a.jsonl")))
    # Wilson's interval of 1 of 2 is 0.095 to 0.905: sqrt(2) * 0.405, as two problems do not determine phi
    assert capsys.readouterr().err.splitlines()[-3:] == [
        "difference (B - A) +0.0000, 95 % interval -0.5734 to +0.5734, p = 1 (exact McNemar test), 2 problems",
        "gained (only B passes) 0: -",
        "lost (only A passes) 0: -",
    ]


def test_files_of_different_problems_are_not_compared_and_both_are_named():
    write_results("a.jsonl", {"T/0": "x", "T/1": "x"})
    write_results("b.jsonl", {"T/1": "x", "T/2": "x"})
    assert refusal("a.jsonl", "b.jsonl") == (
        "a.jsonl and b.jsonl: 2 problems are in only one of the two, such as T/0, T/2; "
        "accepted: results of the same problems"
    )


def test_a_file_of_samples_is_no_file_of_results():
    write_results("a.jsonl", {"T/0": "x"})
    write("s.jsonl", [{"task_id": "T/0", "completion": "    return n\n"}])
    assert refusal("a.jsonl", "s.jsonl") == (
        "s.jsonl:1: passed: found None, accepted: true or false, as score writes them"
    )


def test_a_comparison_is_printed_as_json_on_standard_output(capsys):
    write_results("a.jsonl", {"T/0": ".", "T/1": "x", "T/2": ".", "T/3": "."})
    write_results("b.jsonl", {"T/3": "x", "T/2": "x", "T/1": ".", "T/0": "x"})
    print_comparison_json(compare_files(Path("a.jsonl"), Path("b.jsonl")))
    found = json.loads(capsys.readouterr().out)
    assert [round(found["interval"].pop(end), 4) for end in ("low", "high")] == [-0.3987, 0.9088]
    assert found == {
        "a": "a.jsonl",
        "b": "b.jsonl",
        "problems": 4,
        "score_a": 0.25,
        "score_b": 0.75,
        "difference": 0.5,
        "interval": {},
        "p_value": 0.625,
        "test": "mcnemar",
        "gained": ["T/0", "T/2", "T/3"],
        "lost": ["T/1"],
    }
