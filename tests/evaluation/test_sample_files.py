"""Files of samples and of results: read whole, or refused in one line that names the place."""

from __future__ import annotations

import gzip
import json
import os

import pytest

from wizardcoder.benchmarks.problem import Problem, Sample
from wizardcoder.core.console import StageError
from wizardcoder.evaluation.sample_files import coverage, read_passed, read_samples

PROBLEMS = {f"T/{n}": Problem(f"T/{n}", "def f():\n", "    return 1\n", "f", "def check(f): pass\n") for n in range(3)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Stand in an empty folder, so that messages name files briefly."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def line(task_id="T/0", completion="    return 1\n", **more):
    return json.dumps({"task_id": task_id, "completion": completion, **more}) + "\n"


def refusal(folder, content, read=lambda path: read_samples(path, PROBLEMS), name="s.jsonl"):
    """Return the error for a file, which is written as `s.jsonl` in the working folder."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StageError) as refused:
        read((folder / name).relative_to(folder))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_samples_keep_the_order_of_their_lines_and_blank_lines_are_none(folder):
    (folder / "s.jsonl").write_text(line("T/1", "a") + "\n" + line("T/0", "b") + line("T/1", "a") + line("T/0", "é\n"))
    assert read_samples(folder / "s.jsonl", PROBLEMS) == [
        Sample("T/1", "a"),
        Sample("T/0", "b"),
        Sample("T/1", "a"),
        Sample("T/0", "é\n"),
    ]


def test_further_fields_are_allowed_and_an_empty_completion_is_one(folder):
    (folder / "s.jsonl").write_text(line("T/0", "", model="m", passed=True))
    assert read_samples(folder / "s.jsonl", PROBLEMS) == [Sample("T/0", "")]


def test_a_gzipped_file_is_read_as_its_lines(folder):
    (folder / "s.jsonl.gz").write_bytes(gzip.compress(line().encode()))
    assert read_samples(folder / "s.jsonl.gz", PROBLEMS) == [Sample("T/0", "    return 1\n")]


def test_another_field_may_hold_the_completion(folder):
    (folder / "s.jsonl").write_text('{"task_id": "T/0", "solution": "x"}\n')
    assert read_samples(folder / "s.jsonl", PROBLEMS, "solution") == [Sample("T/0", "x")]


def test_an_unknown_task_id_is_refused_with_the_form_of_a_known_one(folder):
    assert refusal(folder, line() + line("HumanEval/0")) == (
        "s.jsonl:2: task_id: found 'HumanEval/0', not in this benchmark; accepted: such as 'T/0'"
    )


def test_a_duplicated_line_is_refused(folder):
    assert refusal(folder, line("T/0") + line("T/1") + line("T/2") + line("T/1")) == (
        "s.jsonl:4: task_id: 'T/1' has 2 samples, most problems have 1; "
        "accepted: the same number for each problem (is a line duplicated or missing?)"
    )


def test_a_line_that_is_missing_is_refused(folder):
    lines = [line(f"T/{n}") for n in range(3) for _ in range(2)]
    assert refusal(folder, "".join(lines[:-1])) == (
        "s.jsonl:5: task_id: 'T/2' has 1 samples, most problems have 2; "
        "accepted: the same number for each problem (is a line duplicated or missing?)"
    )


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"task_id": "T/0"}', "completion: missing, found task_id; accepted: a text"),
        ('{"completion": "x"}', "task_id: missing, found completion; accepted: a text"),
        ("{}", "task_id: missing, found nothing; accepted: a text"),
        ('{"task_id": 0, "completion": "x"}', "task_id: found 0; accepted: a text"),
        ('{"task_id": "T/0", "completion": ["x"]}', "completion: found ['x']; accepted: a text"),
        ('{"task_id": "T/0", "completion": null}', "completion: found None; accepted: a text"),
        ('["T/0", "x"]', "found list, accepted: an object, one per sample"),
        ("17", "found int, accepted: an object, one per sample"),
    ],
)
def test_a_field_that_is_missing_or_no_text_is_refused_with_what_was_found(folder, row, said):
    assert refusal(folder, f"{line()}\n{row}\n") == f"s.jsonl:3: {said}"


@pytest.mark.parametrize(
    "row",
    ['{"task_id": "T/0", "comple', "def f():", "{'task_id': 'T/0'}", b'{"task_id": "\xff"}', "[" * 100_000, "1" * 9999],
    ids=["cut short", "code", "Python's quotes", "not UTF-8", "nested too deep", "a number too long"],
)
def test_a_line_that_is_not_json_is_refused(folder, row):
    row = row if isinstance(row, bytes) else row.encode()
    assert refusal(folder, line().encode() + row + b"\n").startswith(
        ("s.jsonl:2: not JSON", "s.jsonl:2: not UTF-8: byte 0xff")
    )


def test_a_completion_that_no_text_file_can_hold_is_refused(folder):
    assert refusal(folder, '{"task_id": "T/0", "completion": "\\ud83d"}\n').startswith("s.jsonl:1: completion: ")


def test_a_value_of_any_length_is_named_briefly(folder):
    assert len(refusal(folder, json.dumps({"task_id": "T/0", "completion": ["x" * 10_000]}) + "\n")) < 200
    assert len(refusal(folder, line("T/" + "0" * 10_000))) < 300


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_a_file_without_a_sample_is_refused(folder, content):
    assert refusal(folder, content) == "s.jsonl: holds no sample"


def test_a_gzipped_file_that_was_cut_is_refused_at_the_line_that_is_not_whole(folder):
    whole = gzip.compress(b"".join(line("T/0", os.urandom(500).hex()).encode() for _ in range(100)))
    said = refusal(folder, whole[: len(whole) // 2], name="s.jsonl.gz")
    place, _, reason = said.partition(": ")
    assert 2 <= int(place.removeprefix("s.jsonl.gz:")) <= 100
    assert reason.startswith("not gzip, or cut short: ")


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", line().encode()], ids=["empty", "two bytes", "plain text"])
def test_what_is_named_as_gzip_and_is_none_is_refused(folder, content):
    expected = "s.jsonl.gz: holds no sample" if not content else "s.jsonl.gz:1: not gzip, or cut short: "
    assert refusal(folder, content, name="s.jsonl.gz").startswith(expected)


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(folder):
    for name, reason in (("none.jsonl", "No such file or directory"), (".", "Is a directory")):
        with pytest.raises(StageError) as refused:
            read_samples((folder / name).relative_to(folder), PROBLEMS)
        assert str(refused.value) == f"{name}: {reason}"


def test_samples_for_some_of_the_problems_are_reported_as_a_subset():
    some = [Sample("T/0", "a"), Sample("T/2", "a"), Sample("T/0", "b"), Sample("T/2", "b")]
    assert coverage(some, PROBLEMS) == "a subset: 2 of 3 problems have samples"
    assert coverage([*some, Sample("T/1", "a")], PROBLEMS) is None


def test_results_are_read_by_problem_in_the_order_of_their_lines(folder):
    rows = [("T/1", False), ("T/0", True), ("T/1", True)]
    (folder / "r.jsonl").write_text("".join(line(task_id, passed=ok, result="") for task_id, ok in rows))
    assert read_passed(folder / "r.jsonl") == {"T/1": [False, True], "T/0": [True]}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (line(), "s.jsonl:1: passed: found None, accepted: true or false, as score writes them"),
        (line(passed="true"), "s.jsonl:1: passed: found 'true', accepted: true or false, as score writes them"),
        (line(passed=1), "s.jsonl:1: passed: found 1, accepted: true or false, as score writes them"),
        ('{"passed": true}\n', "s.jsonl:1: task_id: missing or no text"),
        ("\n", "s.jsonl: holds no result"),
    ],
)
def test_a_line_that_is_no_result_is_refused(folder, row, said):
    assert refusal(folder, row, read_passed) == said
