"""Write records as parquet files.

In: rows, one by one, and their number. Out: FOLDER/NAME-00000-of-0000N.parquet with typed columns. One batch of rows is
in memory at a time. `datasets.Dataset.from_generator(...).to_parquet` is not used: it writes every row to its own cache
first, and takes a later export's rows from there without running the generator that counts them.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

ROWS_PER_SHARD = 50_000
ROWS_PER_BATCH = 2_000


def columns_of(kind: type) -> dict[str, str]:
    """Return a record's columns: field name to `string`, `int64`, `float64` or `list<string>`."""
    names = {str: "string", int: "int64", float: "float64", tuple[str, ...]: "list<string>"}
    hints = typing.get_type_hints(kind)
    columns = {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        columns[field.name] = names[hint if hint in names else options[0]]
    return columns


def write_shards(
    folder: Path, name: str, rows: Iterable[Mapping[str, Any]], count: int, columns: Mapping[str, str]
) -> list[Path]:
    """Write `count` rows into at least one file, so that an empty table keeps its columns; return the files."""
    import pyarrow
    import pyarrow.parquet

    types = {"list<string>": pyarrow.list_(pyarrow.string())}
    schema = pyarrow.schema([(key, types.get(kind) or pyarrow.type_for_alias(kind)) for key, kind in columns.items()])
    folder.mkdir(parents=True, exist_ok=True)
    shards = max(1, -(-count // ROWS_PER_SHARD))
    paths = [folder / f"{name}-{number:05d}-of-{shards:05d}.parquet" for number in range(shards)]
    left = iter(rows)
    for path in paths:
        with pyarrow.parquet.ParquetWriter(path, schema, compression="zstd") as writer:
            shard = islice(left, ROWS_PER_SHARD)
            while batch := list(islice(shard, ROWS_PER_BATCH)):
                writer.write_table(pyarrow.Table.from_pylist([dict(row) for row in batch], schema=schema))
    assert next(left, None) is None, f"more than the {count} rows that were counted"
    return paths
