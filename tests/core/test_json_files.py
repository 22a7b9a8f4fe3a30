"""One reader of JSON and JSON Lines: every bad file is one line that names file and line."""

from __future__ import annotations

import gzip
import json

import pytest

from wizardcoder.core.console import StageError
from wizardcoder.core.json_files import read_json, read_jsonl

BOM = b"\xef\xbb\xbf"


def test_lines_come_with_their_numbers_and_blank_ones_are_skipped(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\n  \r\n[2]\r\n"3"')
    assert list(read_jsonl(path)) == [(1, {"a": 1}), (4, [2]), (5, "3")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_file_may_be_gzipped_and_may_begin_with_a_byte_order_mark(tmp_path, name):
    path = tmp_path / name
    path.write_bytes((gzip.compress if name.endswith("gz") else bytes)(BOM + '{"a": "é"}\n'.encode()))
    assert list(read_jsonl(path)) == [(1, {"a": "é"})]


def test_a_json_file_may_be_gzipped_and_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.json").write_bytes(BOM + b"[1,\n2]")
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(b"[1,\n2]"))
    assert read_json(tmp_path / "a.json") == read_json(tmp_path / "a.json.gz") == [1, 2]


def test_numbers_that_benchmarks_publish_are_accepted(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"[Infinity, -Infinity]\n")
    assert list(read_jsonl(path)) == [(1, [float("inf"), float("-inf")])]


BAD = {
    "cut short": (b'{"a": 1', "not JSON, or cut short: Expecting ',' delimiter (column 8)"),
    "two values": (b"{} x", "not JSON, or cut short: Extra data (column 4)"),
    "not UTF-8": (b'{"a": "\xe9"}', "not UTF-8: byte 0xe9"),
    "nested too deeply": (b"[" * 100_000 + b"]" * 100_000, "not JSON that can be read: nested too deeply"),
    "5,000 digits": (b"9" * 5000, "not JSON that can be read: an integer of more than 4300 digits"),
    "lone surrogate": (b'{"a": [0, "\\ud800"]}', "a.1: holds a lone surrogate, accepted: text in Unicode"),
    "lone surrogate alone": (b'"\\udfff"', "holds a lone surrogate, accepted: text in Unicode"),
    "lone surrogate in a key": (b'{"a": {"\\ud800": 1}}', "a: a key holds a lone surrogate"),
}


@pytest.mark.parametrize(("line", "reason"), BAD.values(), ids=BAD)
def test_a_bad_line_is_named_by_file_and_line(tmp_path, line, reason):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": "fine \\ud83d\\ude42"}\n' + line + b"\n")
    rows = read_jsonl(path)
    assert next(rows) == (1, {"a": "fine 🙂"})
    with pytest.raises(StageError) as caught:
        next(rows)
    assert str(caught.value).startswith(f"{path}:2: {reason}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_a_bad_json_file_is_one_line(tmp_path, text, reason):
    path = tmp_path / "a.json"
    path.write_bytes(text)
    with pytest.raises(StageError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}:1: {reason}")
    assert "\n" not in str(caught.value)


def test_an_error_in_a_json_file_names_its_line(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'[\n1,\n"\xe9"]')
    with pytest.raises(StageError, match=r"a\.json:3: not UTF-8: byte 0xe9$"):
        read_json(path)
    path.write_bytes(b"[\n1,\n{")
    with pytest.raises(StageError, match=r"a\.json:3: not JSON, or cut short: "):
        read_json(path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"9" * 5000, "an integer of more than 4300 digits"),
        (b"[" * 2000 + b"]" * 2000, "nested too deeply"),
        (b'"fine \\ud83d\\ude42, not \\\\ud800 \\ud83d\\n"', "2: holds a lone surrogate"),
        (b'"\\ud83d\\ud83d\\ude42"', "2: holds a lone surrogate"),
        (b'"\\ud83d\\ude42\\ude42"', "2: holds a lone surrogate"),
        (b'"\\ud83d"', "2: holds a lone surrogate"),
    ],
    ids=["digits", "nesting", "high half", "high half before a pair", "low half after a pair", "high half at the end"],
)
def test_a_value_that_python_cannot_hold_is_named_by_its_line(tmp_path, line, reason):
    path = tmp_path / "a.json"
    path.write_bytes(b'["\\ud83d\\ude42",\n{"a": [1]},\n' + line + b"\n]")
    with pytest.raises(StageError) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert reason in str(caught.value)


def test_a_value_nested_almost_too_deeply_is_searched_for_surrogates(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("[" * 900 + json.dumps("\ud800") + "]" * 900)
    with pytest.raises(StageError, match="holds a lone surrogate"):
        read_json(path)


def test_surrogates_can_be_allowed(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'"\\ud800"')
    assert list(read_jsonl(path, allow_surrogates=True)) == [(1, "\ud800")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"[1]", "1: not gzip, or cut short: "), (gzip.compress(b"[1]\n")[:-9], "2: not gzip, or cut short: ")],
    ids=["not gzip", "cut short"],
)
def test_a_file_that_cannot_be_decompressed_is_one_line(tmp_path, content, reason):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(StageError) as caught:
        list(read_jsonl(path))
    assert str(caught.value).startswith(f"{path}:{reason}")


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(StageError) as caught:
        read_json(tmp_path / "a.json")
    assert str(caught.value) == f"{tmp_path}/a.json: No such file or directory"
