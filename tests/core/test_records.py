"""Records keep their text through files; files appear whole or not at all; bad lines are named."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from wizardcoder.core import records
from wizardcoder.core.console import StageError
from wizardcoder.core.records import Example, PoolItem

ITEMS = [
    PoolItem("a", 'Größe "x"\nçay бюджет \\ 中文 🙂'),
    PoolItem("b", "line separator \u2028 and \r\n and \t and \x00"),
    PoolItem("c", ""),
]


def test_records_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "pool.jsonl"
    assert records.write_jsonl(path, ITEMS) == 3
    assert list(records.read_records(path, PoolItem)) == ITEMS


def test_a_record_is_one_line_of_utf8(tmp_path):
    path = tmp_path / "pool.jsonl"
    records.write_jsonl(path, [PoolItem("a", "é\n中")])
    assert path.read_bytes() == '{"id": "a", "instruction": "é\\n中"}\n'.encode()


def test_an_example_is_written_with_every_field():
    line = records.to_line(Example("a-r1", "a", 1, "reasoning", "ask", "say"))
    assert line == (
        '{"id": "a-r1", "parent_id": "a", "round": 1, "heuristic": "reasoning", "instruction": "ask", '
        '"response": "say", "instruct_model": null, "respond_model": null, "prompt_version": null, '
        '"finish_reason": null, "instruction_tokens": null, "response_tokens": null, '
        '"language": null, "verdict": null, "flags": []}\n'
    )


def test_lines_are_counted_without_reading_records(tmp_path):
    path = tmp_path / "pool.jsonl"
    path.write_text("one\ntwo\nthree\n", encoding="utf-8")
    assert records.count_lines(path) == 3


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"id": "b"}', "pool.jsonl:2: instruction: missing"),
        (b'{"id": "b", "instruction": 3}', "pool.jsonl:2: instruction: found 3, accepted: a valid string"),
        (b'{"id": "b", "instruction": "", "x": 1}', "pool.jsonl:2: x: unknown key; accepted: id, instruction"),
        (b'{"id": "b", "instr', "pool.jsonl:2: not JSON, or cut short: EOF while parsing"),
        (b"", "pool.jsonl:2: not JSON, or cut short: EOF while parsing a value"),
        (b"[]", "pool.jsonl:2: found [], accepted: an object"),
        (b'{"id": "\xe9"}', "pool.jsonl:2: not JSON, or cut short: invalid unicode code point"),
    ],
)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, line, expected):
    path = tmp_path / "pool.jsonl"
    path.write_bytes(b'{"id": "a", "instruction": ""}\n' + line + b"\n")
    with pytest.raises(StageError) as caught:
        list(records.read_records(path, PoolItem))
    assert str(caught.value).startswith(f"{tmp_path}/{expected}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [lambda path: list(records.read_records(path, PoolItem)), records.count_lines])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(StageError) as caught:
        read(tmp_path / "none.jsonl")
    assert str(caught.value) == f"{tmp_path}/none.jsonl: No such file or directory"


def test_an_error_while_writing_leaves_nothing_behind(tmp_path):
    with pytest.raises(ZeroDivisionError), records.replacing(tmp_path / "new" / "a.txt") as file:
        file.write("half")
        raise ZeroDivisionError
    assert list((tmp_path / "new").iterdir()) == []


def test_an_error_while_writing_keeps_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt), records.replacing(path) as file:
        file.write("half")
        raise KeyboardInterrupt
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with records.replacing(path) as file:
        file.write("new")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_record_that_fails_midway_leaves_no_file(tmp_path):
    def failing():
        yield ITEMS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        records.write_jsonl(tmp_path / "pool.jsonl", failing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand for a full disk")
def test_a_full_disk_is_one_line(tmp_path):
    path = tmp_path / "a.json"
    path.with_name(f"a.json.{os.getpid()}.tmp").symlink_to("/dev/full")
    with pytest.raises(StageError) as caught:
        records.write_metrics(path, {"a": 1})
    assert str(caught.value) == f"{path}: cannot be written: No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_files_place_is_one_line(tmp_path):
    path = tmp_path / "a.json"
    path.mkdir()
    with pytest.raises(StageError) as caught:
        records.write_metrics(path, {"a": 1})
    assert str(caught.value) == f"{path}: cannot be written: Is a directory"


@pytest.mark.parametrize("name", ["file/a.json", "file/folder/a.json"])
def test_a_file_in_a_folders_place_is_one_line(tmp_path, name):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StageError, match="cannot be written"):
        records.write_metrics(tmp_path / name, {"a": 1})


def test_a_folder_that_may_not_be_made_is_one_line(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StageError, match="cannot be written: Permission denied"):
        records.write_metrics(tmp_path / "new" / "a.json", {"a": 1})


def test_another_files_absence_is_not_told_as_unwritable(tmp_path):
    with pytest.raises(FileNotFoundError), records.replacing(tmp_path / "a.txt"):
        (tmp_path / "none").read_text(encoding="utf-8")


def test_metrics_are_flat_sorted_and_rounded(tmp_path):
    path = tmp_path / "metrics" / "m.json"
    records.write_metrics(path, {"loss": 0.1 + 0.2, "b.é": 2, "a": 1 / 3, "big": 1234567.8, "small": 1.23456789e-9})
    assert path.read_text(encoding="utf-8") == (
        '{\n  "a": 0.333333,\n  "b.é": 2,\n  "big": 1234570.0,\n  "loss": 0.3,\n  "small": 1.23457e-09\n}\n'
    )


def test_csv_has_a_header_and_leaves_missing_values_empty(tmp_path):
    path = tmp_path / "loss.csv"
    records.write_csv(path, [{"step": 1, "loss": 0.5}, {"step": 2}], ("step", "loss"))
    assert path.read_bytes() == b"step,loss\n1,0.5\n2,\n"


def test_a_file_is_on_disk_before_it_takes_its_place(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(os.fstat(fd).st_size))
    records.write_jsonl(tmp_path / "a.jsonl", [PoolItem("a", "b")])
    assert synced == [len('{"id": "a", "instruction": "b"}\n')]


def test_a_record_s_seed_is_the_beginning_of_its_id():
    assert records.seed_id("3f2a9c01b7d4e5f6-r1-r3") == records.seed_id("3f2a9c01b7d4e5f6") == "3f2a9c01b7d4e5f6"


def test_a_lineage_goes_back_to_the_seed_or_to_the_last_known_ancestor():
    seed, child = Example("a", None, 0, None, "ask", "say"), Example("a-r1", "a", 1, "h", "ask", "say")
    grandchild = Example("a-r1-r3", "a-r1", 3, "h", "ask", "say")
    known = {example.id: example for example in (seed, child, grandchild)}
    assert records.lineage(grandchild, known) == [grandchild, child, seed]
    assert records.lineage(grandchild, {"a": seed}) == [grandchild]


def test_a_lineage_that_is_a_circle_ends():
    one, other = Example("a", "b", 1, "h", "ask", "say"), Example("b", "a", 1, "h", "ask", "say")
    assert records.lineage(one, {"a": one, "b": other}) == [one]


def test_an_error_of_another_file_inside_the_block_is_not_blamed_on_the_one_written(tmp_path):
    with pytest.raises(OSError, match="cache") as caught, records.replacing(tmp_path / "a.txt"):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), "/cache/answers.sqlite")
    assert caught.value.filename == "/cache/answers.sqlite"
    assert list(tmp_path.iterdir()) == []
