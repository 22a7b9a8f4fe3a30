"""Instructions are read from any form, by the file's own field names; each id occurs once."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.records import PoolItem, Rejected
from wizardcoder.evolution.instruction_file import ACCEPTED, next_round, read_instructions


def read(folder: Path, rows: list, fields: dict[str, str] | None = None) -> list[PoolItem | Rejected]:
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return list(read_instructions(path, fields or {}))


def refusal(folder: Path, rows: list, fields: dict[str, str] | None = None) -> str:
    with pytest.raises(StageError) as caught:
        read(folder, rows, fields)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def test_an_id_is_kept_and_a_record_without_one_gets_a_hash_of_its_texts(tmp_path):
    rows = [
        {"id": "a", "instruction": "one"},
        {"id": 7, "instruction": "two"},
        {"instruction": "three", "input": "N/A", "output": "x"},
        {"id": None, "prompt": "four"},
        {"id": "b", "instruction": "five", "response": "x", "heuristic": "reasoning", "parent_id": "c"},
    ]
    found = read(tmp_path, rows)
    assert [item.instruction for item in found] == ["one", "two", "three", "four", "five"]
    assert [item.id for item in found if len(item.id) < 16] == ["a", "7", "b"]
    assert read(tmp_path, rows[::-1]) == found[::-1]


def test_fields_may_have_other_names(tmp_path):
    rows = [{"task": 1, "question": "one", "context": "x = 1"}, {"task": 2, "question": "two", "context": "none"}]
    fields = {"id": "task", "instruction": "question", "input": "context"}
    assert read(tmp_path, rows, fields) == [PoolItem("1", "one\nx = 1"), PoolItem("2", "two")]
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    assert list(read_instructions(path, fields)) == [PoolItem("1", "one\nx = 1"), PoolItem("2", "two")]


def test_a_field_replaces_one_of_the_same_name(tmp_path):
    assert read(tmp_path, [{"id": "a", "instruction": "x", "better": "y"}], {"instruction": "better"}) == [
        PoolItem("a", "y")
    ]


def test_an_id_that_occurs_twice_is_refused_with_both_places(tmp_path):
    rows = [{"id": "a", "instruction": "one"}, {"id": "b", "instruction": "two"}, {"id": "a", "instruction": "three"}]
    assert refusal(tmp_path, rows) == "in.jsonl:3: the id 'a' is already that of in.jsonl:1, accepted: each id once"


def test_the_same_record_twice_without_an_id_is_rejected_as_a_duplicate(tmp_path):
    _, second = read(tmp_path, [{"instruction": "one"}, {"instruction": "one"}])
    assert isinstance(second, Rejected)
    assert (second.reason, second.detail) == ("duplicate", f"same text as {tmp_path}/in.jsonl:1")


def test_a_record_without_an_instruction_is_rejected(tmp_path):
    found = read(tmp_path, [{"id": "a", "instruction": " "}, {"id": "b", "instruction": None}, {"instruction": "x"}, 1])
    assert [(r.id, r.reason) for r in found if isinstance(r, Rejected)][:2] == [
        ("a", "instruction_empty"),
        ("b", "instruction_empty"),
    ]
    assert [type(record) for record in found] == [Rejected, Rejected, PoolItem, Rejected]


@pytest.mark.parametrize(
    ("rows", "fields", "line"),
    [
        ([], {}, f"in.jsonl: holds no record; {ACCEPTED}"),
        ([{"Instruction": "x"}], {}, f"in.jsonl:1: found the fields Instruction; {ACCEPTED}"),
        ([{"text": "x"}, {"text": "y"}], {}, f"in.jsonl:1: found the fields text; {ACCEPTED}"),
        ([{"instruction": "x"}], {"id": "task"}, "--field id=task: no record of in.jsonl has this field"),
        ([{"id": [1], "instruction": "x"}], {}, "in.jsonl:1: `id` is list, accepted: a text or a whole number"),
    ],
)
def test_a_file_without_instructions_is_one_line(tmp_path, rows, fields, line):
    assert refusal(tmp_path, rows, fields) == line


@pytest.mark.parametrize(("ids", "number"), [([], 1), (["a", "b-r"], 1), (["a", "a-r1"], 2), (["a-r1-r3", "b-r2"], 4)])
def test_rounds_go_on_after_those_of_the_ids(ids, number):
    assert next_round(ids) == number
