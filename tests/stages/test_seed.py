"""Stage seed: any Alpaca source becomes round 0; a bad one is refused in one line and leaves no file."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from stages import seed
from wizardcoder.core.console import StageError
from wizardcoder.core.params import RunParams
from wizardcoder.core.records import Example, PoolItem, Rejected, count_lines, read_records

ROOT = Path(__file__).resolve().parents[2]
FIELDS = (
    "accepted: `instruction` and `output` with or without `input` (Alpaca), `messages`, `conversations`, or "
    "`prompt` and `completion`"
)
SUFFIXES = ".json, .jsonl, .json.gz, .jsonl.gz, .parquet, .yaml"
RECORDS = [
    {"instruction": "Sort this list.", "input": "3 1 2", "output": "1 2 3"},
    {"instruction": "Größe в байтах 中文", "input": "", "output": "ok\nzwei"},
    {"instruction": "Say hi.", "input": None, "output": "hi"},
]


def params(limit: int | None = None, run_seed: int = 42) -> seed.Params:
    return seed.Params(RunParams(run_seed), seed.SeedParams("seeds.json", limit))


def numbered(count: int) -> list[dict[str, str]]:
    return [{"instruction": f"Task {i}", "input": "", "output": f"Answer {i}"} for i in range(count)]


def ids(records: list[dict], **settings: int) -> list[str]:
    return [example.id for example in seed.run(params(**settings), records)[0]]


def test_instruction_and_input_are_joined_by_a_newline():
    examples, rejected = seed.run(params(), RECORDS)
    assert [example.instruction for example in examples] == [
        "Sort this list.\n3 1 2",
        "Größe в байтах 中文",
        "Say hi.",
    ]
    assert rejected == []


def test_a_seed_has_no_parent_and_no_heuristic():
    (example,), _ = seed.run(params(), [{"instruction": " Sort. ", "input": " 3 1 ", "output": " 1 3\n"}])
    assert example == Example("db14b641317fa382", None, 0, None, "Sort.\n3 1", "1 3")


def test_ids_do_not_change_when_the_source_is_reordered():
    records = numbered(20)
    assert sorted(ids(records)) == sorted(ids(records[::-1]))
    assert ids(records) == ids(records[::-1])[::-1]


def test_records_of_one_instruction_and_different_answers_are_both_kept():
    records = [{"instruction": "a", "output": "b"}, {"instruction": "a", "output": "c"}]
    assert len(set(ids(records))) == 2


def test_exact_duplicates_and_empty_texts_are_rejected_with_their_reason():
    records = [
        {"instruction": "a", "input": "", "output": "b"},
        {"instruction": " ", "input": "", "output": "b"},
        {"instruction": "a", "input": "", "output": " \n"},
        {"instruction": " a", "input": " ", "output": "b\n"},
        {"instruction": "A", "input": "", "output": "b"},
    ]
    examples, rejected = seed.run(params(), records)
    assert [(example.instruction, example.response) for example in examples] == [("a", "b"), ("A", "b")]
    assert [(item.reason, item.detail) for item in rejected] == [
        ("instruction_empty", ""),
        ("response_empty", ""),
        ("duplicate", f"same text as {examples[0].id}"),
    ]


@pytest.mark.parametrize("limit", [None, 1, 3, 8, 100])
def test_kept_and_rejected_together_are_what_was_read(limit):
    records = [*numbered(6), *numbered(2), {"instruction": "", "output": ""}]
    examples, rejected = seed.run(params(limit), records)
    assert len(examples) == min(limit or 6, 6)
    assert len(examples) + len(rejected) == 9


def test_records_over_the_limit_are_rejected_as_such():
    _, rejected = seed.run(params(2), numbered(3))
    assert [(item.reason, item.detail) for item in rejected] == [("over_limit", "seed.limit is 2")]


def test_the_limit_draws_the_same_records_whatever_their_order():
    records = numbered(50)
    drawn = ids(records, limit=7)
    assert len(drawn) == 7
    assert sorted(drawn) == sorted(ids(records[::-1], limit=7)) == sorted(ids(records[25:] + records[:25], limit=7))


def test_the_draw_keeps_the_order_of_the_source():
    records = numbered(50)
    everything = ids(records)
    drawn = ids(records, limit=7)
    assert drawn == [key for key in everything if key in drawn]


def test_another_run_seed_draws_other_records():
    assert ids(numbered(50), limit=7, run_seed=1) != ids(numbered(50), limit=7, run_seed=2)


def test_a_source_without_a_usable_record_is_refused():
    with pytest.raises(StageError) as caught:
        seed.run(params(), [{"instruction": "", "output": "x"}])
    assert str(caught.value) == f"seed.source: seeds.json: no usable record; {FIELDS}"


FORMATS = ("json", "jsonl", "json.gz", "jsonl.gz", "parquet")


def write_all(folder: Path, records: list[dict]) -> list[Path]:
    """Write the same records in every format."""
    text = json.dumps(records, ensure_ascii=False).encode()
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode() + b"\n\n"
    contents = {"json": text, "jsonl": lines, "json.gz": gzip.compress(text), "jsonl.gz": gzip.compress(lines)}
    for form, content in contents.items():
        (folder / f"s.{form}").write_bytes(content)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), folder / "s.parquet")
    return [folder / f"s.{form}" for form in FORMATS]


def test_every_format_gives_the_same_examples(tmp_path):
    found = [seed.run(params(), seed.read_source(path))[0] for path in write_all(tmp_path, RECORDS)]
    assert len(found[0]) == 3
    assert all(examples == found[0] for examples in found)


def test_a_record_without_a_text_is_rejected_and_the_others_are_kept_in_every_format(tmp_path):
    records = [
        {"instruction": "a", "output": "b"},
        {"instruction": "c", "output": None},
        {"instruction": None, "output": "d"},
        {"instruction": None, "output": None},
        {"instruction": "e", "output": "f"},
    ]
    for path in write_all(tmp_path, records):
        examples, rejected = seed.run(params(), seed.read_source(path))
        assert [(e.instruction, e.response) for e in examples] == [("a", "b"), ("e", "f")]
        assert [(r.reason, r.detail, r.instruction, r.response) for r in rejected] == [
            ("response_empty", "`output` is null", "c", ""),
            ("instruction_empty", "`instruction` is null", "", "d"),
            ("instruction_empty", "`instruction` is null", "", ""),
        ]


def test_a_record_of_another_shape_is_rejected_and_the_others_are_kept():
    records = [*numbered(1), 1, {}, {"instruction": 3, "output": "b"}, {"text": "a"}, {"instruction": "a"}]
    examples, rejected = seed.run(params(), records)
    assert len(examples) == 1
    assert [(r.reason, r.detail) for r in rejected] == [
        ("unknown_form", "found 1"),
        ("unknown_form", "found the fields none"),
        ("not_text", "`instruction` is 3, accepted: a text"),
        ("unknown_form", "found the fields text"),
        ("response_empty", "`output` is missing"),
    ]


def test_a_parquet_text_that_is_not_utf_8_is_named_by_its_row(tmp_path):
    texts = pyarrow.Array.from_buffers(
        pyarrow.string(),
        2,
        [None, pyarrow.py_buffer(bytes([0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0])), pyarrow.py_buffer(b"a\xe9")],
    )
    path = tmp_path / "s.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"instruction": texts, "output": ["x", "y"]}), path)
    with pytest.raises(StageError, match=r"s\.parquet: row 1: cannot be read: .*utf-8"):
        seed.read_source(path)


def test_columns_that_are_not_needed_are_not_read(tmp_path):
    path = tmp_path / "s.parquet"
    nanoseconds = pyarrow.array([1], pyarrow.timestamp("ns"))  # which Python's datetime cannot hold
    pyarrow.parquet.write_table(pyarrow.table({"instruction": ["a"], "output": ["b"], "at": nanoseconds}), path)
    assert seed.read_source(path) == [{"instruction": "a", "output": "b"}]


BAD = [
    ("s.txt", b"[]", "seed.source: found '{}', accepted: a file ending in " + SUFFIXES),
    ("s.parquet.gz", b"[]", "seed.source: found '{}', accepted: a file ending in " + SUFFIXES),
    ("seeds", b"[]", "seed.source: found '{}', accepted: a file ending in " + SUFFIXES),
    ("s.json", None, "seed.source: {}: no such file"),
    ("s.json", b"hello", "{}:1: not JSON, or cut short: Expecting value"),
    ("s.json", b"", "{}:1: not JSON, or cut short: Expecting value"),
    ("s.json", b'[{"instruction": "a",\n "output": "b"', "{}:2: not JSON, or cut short: Expecting ',' delimiter"),
    ("s.json", '[{"instruction": "é"}]'.encode("latin-1"), "{}:1: not UTF-8: byte 0xe9"),
    ("s.jsonl", '{"instruction": "é"}'.encode("latin-1"), "{}:1: not UTF-8: byte 0xe9"),
    ("s.json", b'{"instruction": "a", "output": "b"}', "{}: found dict, accepted: a list of records"),
    ("s.json", b"[1]", "{}: record 0: found 1; " + FIELDS),
    ("s.json", b'[{"output": "b"}]', "{}: record 0: `instruction` is missing; " + FIELDS),
    ("s.json", b'[{"instruction": "a"}]', "{}: record 0: `output` is missing; " + FIELDS),
    ("s.json", b'[{"instruction": 3, "output": "b"}]', "{}: record 0: `instruction` is 3, accepted: a text; " + FIELDS),
    ("s.json", b'[{"instruction": "a", "output": null}]', "{}: record 0: `output` is null; " + FIELDS),
    (
        "s.json",
        b'[{"instruction": "a", "output": "b", "input": ["c"]}]',
        "{}: record 0: `input` is list, accepted: a text; ",
    ),
    (
        "s.json",
        b'[{"Instruction": "a", "Output": "b"}]',
        "{}: record 0: found the fields Instruction, Output; " + FIELDS,
    ),
    ("s.jsonl", b'{"text": "a"}', "{}:1: found the fields text; " + FIELDS),
    ("s.jsonl", b"{}", "{}:1: found the fields none; " + FIELDS),
    ("s.json", b"[]", "{}: holds no record; " + FIELDS),
    ("s.jsonl", b"", "{}: holds no record; " + FIELDS),
    ("s.jsonl", b"\n \n", "{}: holds no record; " + FIELDS),
    (
        "s.jsonl",
        b'{"instruction": "a", "output": "b"}\n{"instr',
        "{}:2: not JSON, or cut short: Unterminated string starting at",
    ),
    ("s.jsonl", b'\n{"instruction": "a"}\n', "{}:2: `output` is missing; " + FIELDS),
    ("s.parquet", b"junk", "{}: not parquet, or cut short: "),
    ("s.parquet", b"", "{}: not parquet, or cut short: "),
    ("s.yaml", b"id: a\nsplit: train\n", "{}: found {{'id': 'a', 'split': 'train'}}, accepted: the keys id, revision"),
    ("s.yaml", b"id: a\nrevision: 1\nsplit: b\n", "{}: found {{'id': 'a', 'revision': 1, 'split': 'b'}}, accepted: "),
    ("s.yaml", b"- a\n", "{}: found list; accepted: a mapping"),
]


@pytest.mark.parametrize(("name", "content", "line"), BAD, ids=[f"{i}-{name}" for i, (name, *_) in enumerate(BAD)])
def test_a_bad_source_is_one_clear_line(tmp_path, name, content, line):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(StageError) as caught:
        seed.read_source(path)
    assert str(caught.value).startswith(line.format(path))
    assert "\n" not in str(caught.value)


def test_a_parquet_file_cut_short_is_one_line(tmp_path):
    path = tmp_path / "s.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StageError, match="not parquet, or cut short: "):
        seed.read_source(path)


def test_a_parquet_file_without_a_column_is_named_by_its_first_row(tmp_path):
    path = tmp_path / "s.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"instruction": ["a"]}), path)
    with pytest.raises(StageError) as caught:
        seed.read_source(path)
    assert str(caught.value) == f"{path}: row 0: `output` is missing; {FIELDS}"
    pyarrow.parquet.write_table(pyarrow.table({"Instruction": ["a"], "Output": ["b"]}), path)
    with pytest.raises(StageError) as caught:
        seed.read_source(path)
    assert str(caught.value) == f"{path}: found the columns Instruction, Output; {FIELDS}"


def test_a_text_that_is_no_unicode_is_refused(tmp_path):
    path = tmp_path / "s.json"
    path.write_text('[{"instruction": "\\ud800", "output": "b"}]', encoding="utf-8")
    with pytest.raises(
        StageError, match=r"s\.json:1: 0\.instruction: holds a lone surrogate, accepted: text in Unicode$"
    ):
        seed.run(params(), seed.read_source(path))


def test_json_nested_too_deeply_is_refused(tmp_path):
    path = tmp_path / "s.json"
    path.write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(StageError, match="not JSON"):
        seed.read_source(path)


def test_a_long_value_is_shortened_in_the_line(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(json.dumps([{"instruction": ["x" * 100_000], "output": "b"}]), encoding="utf-8")
    with pytest.raises(StageError) as caught:
        seed.read_source(path)
    assert len(str(caught.value)) < 1000


def project(folder: Path, source: str, limit: int | str = "null") -> dict[str, str]:
    """Write a params.yaml into an empty folder; gives the environment that a stage needs there."""
    text = f"run:\n  seed: 1\nseed:\n  source: {source}\n  limit: {limit}\n"
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run_stage(folder: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stages.seed"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("source", "content", "line"),
    [
        ("none.json", None, "error: seed.source: none.json: no such file\n"),
        (
            "s.json",
            b'[{"instruction": "a"',
            "error: s.json:1: not JSON, or cut short: Expecting ',' delimiter (column 21)\n",
        ),
        ("s.jsonl", b'{"instruction": "", "output": ""}', f"error: seed.source: s.jsonl: no usable record; {FIELDS}\n"),
    ],
)
def test_the_stage_refuses_a_bad_source_in_one_line_and_writes_nothing(tmp_path, source, content, line):
    if content is not None:
        (tmp_path / source).write_bytes(content)
    before = sorted(tmp_path.iterdir())
    done = run_stage(tmp_path, project(tmp_path, source))
    assert (done.returncode, done.stderr, done.stdout) == (1, line, "")
    left = [path for place in ("data", "metrics") for path in (tmp_path / place).rglob("*") if path.is_file()]
    assert left == []
    assert [path for path in before if not path.exists()] == []


@pytest.mark.heavy
def test_the_stage_writes_round_0_and_its_counts(tmp_path):
    records = [*numbered(4), numbered(1)[0], {"instruction": "", "output": "x"}]
    (tmp_path / "s.json").write_text(json.dumps(records), encoding="utf-8")
    done = run_stage(tmp_path, project(tmp_path, "s.json", 3))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("seed: 6 read, 3 kept, 3 rejected in ")
    out = tmp_path / "data" / "rounds" / "r0"
    examples = list(read_records(out / "examples.jsonl", Example))
    assert list(read_records(out / "pool.jsonl", PoolItem)) == [PoolItem(e.id, e.instruction) for e in examples]
    assert len(list(read_records(out / "rejected.jsonl", Rejected))) == count_lines(out / "examples.jsonl") == 3
    assert json.loads((tmp_path / "metrics" / "seed.json").read_text(encoding="utf-8")) == {
        "read": 6,
        "kept": 3,
        "rejected": 3,
        "rejected.duplicate": 1,
        "rejected.instruction_empty": 1,
        "rejected.over_limit": 1,
    }
