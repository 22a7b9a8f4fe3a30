"""Read the rows of a source of instructions, each with its place in the file.

In: a local .json, .jsonl (both may be gzipped) or .parquet file, or a .yaml file that names a hub data set and its
revision. Out: its rows. What a row means is seed_forms.py's part; which rows become seeds is seed_round.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.hub_revision import commit_of
from wizardcoder.core.json_files import read_json, read_jsonl
from wizardcoder.core.params import STRICT, AtLeastOne, Text, read_yaml
from wizardcoder.evolution.seed_forms import ACCEPTED, FIELDS, read_texts

SEED_KEY = "seed.source"


@dataclass(frozen=True, slots=True, config=STRICT)
class SeedParams:
    """The `seed` section: the file of seeds, and how many of them are drawn; None takes all."""

    source: Text
    limit: AtLeastOne | None


def read_source(path: Path) -> list[Any]:
    """Read the rows of a source of seeds; errors as in `read_located_rows`."""
    return [row for _, row in read_located_rows(path)]


def read_located_rows(path: Path) -> list[tuple[str, Any]]:
    """Read the rows of a source of seeds as (place, row).

    Raises:
        StageError: as `iterate_rows`, or no row has an instruction and a response.
    """
    located = list(iterate_rows(path, SEED_KEY))
    if not located:
        raise StageError(f"{path}: holds no record; {ACCEPTED}")
    if all(read_texts(row).reason is not None for _, row in located):
        raise StageError(f"{located[0][0]}: {read_texts(located[0][1]).detail}; {ACCEPTED}")
    return located


def iterate_rows(path: Path, key: str, columns: Collection[str] = FIELDS) -> Iterator[tuple[str, Any]]:
    """Yield the rows of a file as (place, row).

    Args:
        path: the file.
        key: the setting or option that names the file, for errors.
        columns: of a .parquet file; others are not read.

    Raises:
        StageError: the file is missing, of an unknown format, truncated, or not UTF-8; names file and line.
    """
    readers: dict[str, Callable[[Path], Iterator[tuple[str, Any]]]] = {
        ".json": _read_json,
        ".jsonl": _read_lines,
        ".parquet": lambda path: _read_parquet(path, columns),
        ".yaml": _read_hub,
    }
    suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    reader = readers.get(suffix) if path.suffix != ".gz" or suffix in (".json", ".jsonl") else None
    if reader is None:
        accepted = ".json, .jsonl, .json.gz, .jsonl.gz, .parquet, .yaml"
        raise StageError(f"{key}: found {str(path)!r}, accepted: a file ending in {accepted}")
    if not path.is_file():
        raise StageError(f"{key}: {path}: no such file")
    for place, row in reader(path):
        yield f"{path}{place}", row


def source_commit(path: Path) -> str | None:
    """Return the commit of the hub data set that is read; None for a local file, or if the commit is unknown."""
    if path.suffix != ".yaml":
        return None
    wanted = read_hub_file(path)
    return commit_of(wanted["id"], wanted["revision"])


def read_hub_file(path: Path) -> dict[str, str]:
    """Read a .yaml file that names a data set of the hub: id, revision, split and perhaps its license.

    Raises:
        StageError: it is not such a file.
    """
    wanted = read_yaml(path)
    if set(wanted) - {"license"} != {"id", "revision", "split"} or not all(isinstance(v, str) for v in wanted.values()):
        raise StageError(f"{path}: found {wanted}, accepted: the keys id, revision, split and license, each a text")
    return wanted


def _read_json(path: Path) -> Iterator[tuple[str, Any]]:
    data = read_json(path)
    if not isinstance(data, list):
        raise StageError(f"{path}: found {type(data).__name__}, accepted: a list of records")
    yield from ((f": record {number}", row) for number, row in enumerate(data))


def _read_lines(path: Path) -> Iterator[tuple[str, Any]]:
    return ((f":{number}", row) for number, row in read_jsonl(path))


def _read_parquet(path: Path, columns: Collection[str]) -> Iterator[tuple[str, Any]]:
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            known = [name for name in file.schema_arrow.names if name in columns]
            if not known:
                raise StageError(f"{path}: found the columns {', '.join(file.schema_arrow.names)}; {ACCEPTED}")
            number = 0
            for batch in file.iter_batches(columns=known):
                for row in range(batch.num_rows):
                    yield f": row {number}", _parquet_row(batch, row, f"{path}: row {number}")
                    number += 1
    except (pyarrow.ArrowException, OSError) as exc:
        raise StageError(f"{path}: not parquet, or cut short: {' '.join(str(exc).split())}") from exc


def _parquet_row(batch: Any, row: int, place: str) -> dict[str, Any]:  # noqa: ANN401 - pyarrow has no types
    try:
        return {name: column[row].as_py() for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    except (ValueError, OverflowError) as exc:  # not UTF-8, or a date that Python cannot represent
        raise StageError(f"{place}: cannot be read: {' '.join(str(exc).split())[:200]}") from exc


def _read_hub(path: Path) -> Iterator[tuple[str, Any]]:
    """Load a hub data set; the file names its id, revision and split."""
    wanted = read_hub_file(path)
    import datasets

    try:
        rows = datasets.load_dataset(
            wanted["id"], revision=source_commit(path) or wanted["revision"], split=wanted["split"]
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise StageError(f"{path}: {wanted['id']} cannot be loaded: {' '.join(str(exc).split())[:300]}") from exc
    yield from ((f": row {number}", dict(row)) for number, row in enumerate(rows))
