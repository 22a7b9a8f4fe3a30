"""Read the seed's source: Alpaca records, each with its location in the file.

In: a local .json, .jsonl or .parquet file, or a .yaml file that names a hub data set and its revision. Out: its
checked records, and the round-0 example of a record. Does not select records; the stage seed does.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.hub_revision import commit_of
from wizardcoder.core.json_files import read_json, read_jsonl
from wizardcoder.core.params import STRICT, AtLeastOne, Text, read_yaml
from wizardcoder.core.records import Example

ACCEPTED_RECORDS = "accepted: Alpaca records with `instruction`, `output` and, if any, `input`"
ID_LENGTH = 16


@dataclass(frozen=True, slots=True, config=STRICT)
class SeedParams:
    """The `seed` section: the file of seeds, and how many of them are drawn; None takes all."""

    source: Text
    limit: AtLeastOne | None


def read_source(path: Path) -> list[dict[str, Any]]:
    """Read the records of a source; errors as in `read_located_records`."""
    return [record for _, record in read_located_records(path)]


def read_located_records(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Read the records of a source as (location, record), and check the fields of each record.

    Raises:
        StageError: the file is missing, of an unknown format, truncated, not UTF-8 or empty, or a record lacks a field.
    """
    readers = {".json": _read_json, ".jsonl": _read_lines, ".parquet": _read_parquet, ".yaml": _read_hub}
    reader = readers.get(path.suffix)
    if reader is None:
        raise StageError(f"seed.source: found {str(path)!r}, accepted: a file ending in {', '.join(readers)}")
    if not path.is_file():
        raise StageError(f"seed.source: {path}: no such file")
    located = reader(path)
    if not located:
        raise StageError(f"{path}: holds no record; {ACCEPTED_RECORDS}")
    return [(f"{path}{location}", _checked(record, f"{path}{location}")) for location, record in located]


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


def to_example(record: dict[str, Any]) -> Example:
    """Convert a record to a round-0 example; its id is a hash of its texts."""
    parts = [record["instruction"].strip(), (record.get("input") or "").strip()]
    instruction = "\n".join(part for part in parts if part)
    response = record["output"].strip()
    digest = hashlib.sha256(f"{instruction}\0{response}".encode()).hexdigest()[:ID_LENGTH]
    return Example(digest, None, 0, None, instruction, response)


def _read_json(path: Path) -> list[tuple[str, Any]]:
    data = read_json(path)
    if not isinstance(data, list):
        raise StageError(f"{path}: found {type(data).__name__}, accepted: a list of records")
    return [(f": record {number}", record) for number, record in enumerate(data)]


def _read_lines(path: Path) -> list[tuple[str, Any]]:
    return [(f":{number}", record) for number, record in read_jsonl(path)]


def _read_parquet(path: Path) -> list[tuple[str, Any]]:
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowInvalid, OSError) as exc:
        raise StageError(f"{path}: not parquet, or cut short: {' '.join(str(exc).split())}") from exc
    return [(f": row {number}", row) for number, row in enumerate(rows)]


def _read_hub(path: Path) -> list[tuple[str, Any]]:
    """Load a hub data set; the file names its id, revision and split."""
    wanted = read_hub_file(path)
    import datasets

    try:
        rows = datasets.load_dataset(
            wanted["id"], revision=source_commit(path) or wanted["revision"], split=wanted["split"]
        )
    except (OSError, ValueError, RuntimeError) as exc:
        raise StageError(f"{path}: {wanted['id']} cannot be loaded: {' '.join(str(exc).split())[:300]}") from exc
    return [(f": row {number}", dict(row)) for number, row in enumerate(rows)]


def _checked(record: Any, location: str) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(record, dict):
        raise StageError(f"{location}: found {type(record).__name__}, {ACCEPTED_RECORDS}")
    for field in ("instruction", "output"):
        if field not in record:
            raise StageError(f"{location}: `{field}` is missing; {ACCEPTED_RECORDS}")
    for field in ("instruction", "input", "output"):
        value = record.get(field)
        if not isinstance(value, str) and not (field == "input" and value is None):
            raise StageError(f"{location}: `{field}` is {repr(value)[:80]}, accepted: a text")
    return record
