"""Parquet files: shards, batches, columns."""

from __future__ import annotations

from wizardcoder.publishing import parquet


def test_more_rows_than_a_shard_make_more_files(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_SHARD", 5)
    monkeypatch.setattr(parquet, "ROWS_PER_BATCH", 2)
    rows = ({"n": n, "s": None if n == 3 else str(n), "l": ("a",) * (n % 2)} for n in range(11))
    columns = {"n": "int64", "s": "string", "l": "list<string>"}
    paths = parquet.write_shards(tmp_path / "data", "train", rows, 11, columns)
    assert [path.name for path in paths] == [f"train-0000{n}-of-00003.parquet" for n in range(3)]
    from datasets import load_dataset

    found = load_dataset("parquet", data_files=str(tmp_path / "data/*"), split="train", cache_dir=str(tmp_path / "c"))
    assert found["n"][:] == list(range(11))
    assert found[3] == {"n": 3, "s": None, "l": ["a"]}


def test_rows_are_taken_one_batch_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS_PER_BATCH", 10)
    import pyarrow.parquet

    taken, written = [], []
    write_table = pyarrow.parquet.ParquetWriter.write_table

    def noted(writer, table):
        written.append((table.num_rows, len(taken)))
        write_table(writer, table)

    monkeypatch.setattr(pyarrow.parquet.ParquetWriter, "write_table", noted)
    rows = ({"n": taken.append(n) or n} for n in range(25))
    parquet.write_shards(tmp_path, "train", rows, 25, {"n": "int64"})
    assert written == [(10, 10), (10, 20), (5, 25)]


def test_an_empty_table_keeps_its_columns(tmp_path):
    import pyarrow.parquet

    (path,) = parquet.write_shards(tmp_path, "train", [], 0, {"n": "int64"})
    assert (path.name, pyarrow.parquet.read_schema(path).names) == ("train-00000-of-00001.parquet", ["n"])
