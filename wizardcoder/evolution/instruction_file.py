"""Read the instructions that `wizardcoder evolve` starts from.

In: a file in any form that can be a seed, with or without answers and ids, among them the command's own output; names
of fields where they differ. Out: pool items, and the records that cannot be one. Ids must differ: they are the lineage.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.core.records import PoolItem, Rejected
from wizardcoder.evolution.seed_forms import FIELDS, read_texts, to_example
from wizardcoder.evolution.seed_source import iterate_rows

ACCEPTED = (
    "accepted: `instruction` (with or without `input`), `messages`, `conversations` or `prompt`; "
    "--field instruction=NAME reads another field"
)
_ROUND = re.compile(r"-r(\d+)$")


def read_instructions(path: Path, fields: Mapping[str, str]) -> Iterator[PoolItem | Rejected]:
    """Yield the record of each row; a row without an id gets a hash of its texts.

    Args:
        path: a .json, .jsonl or .parquet file.
        fields: our names of fields -> the file's.

    Raises:
        StageError: the file cannot be read, no row has an instruction, an id occurs twice, or no row has a field of
            `fields`.
    """
    places: dict[str, str] = {}
    unused = set(fields.values())
    refused = usable = None
    for place, row in iterate_rows(path, "--seeds", {*FIELDS, *fields.values()}):
        unused -= row.keys() if isinstance(row, dict) else set()
        record = _read(_renamed(row, fields), place, places)
        places.setdefault(record.id, place)
        if isinstance(record, PoolItem):
            usable = place
        else:
            refused = refused or f"{place}: {record.detail or record.reason}"
        yield record
    if unused and places:
        ours = next(ours for ours, theirs in fields.items() if theirs in unused)
        raise StageError(f"--field {ours}={fields[ours]}: no record of {path} has this field")
    if usable is None:
        raise StageError(f"{refused or f'{path}: holds no record'}; {ACCEPTED}")


def next_round(ids: Iterable[str]) -> int:
    """Return the number of the round that follows those in the ids: 1, or 3 for `s7-r1-r2`."""
    return 1 + max((int(found[1]) for key in ids if (found := _ROUND.search(key))), default=0)


def _renamed(row: Any, fields: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON value
    return (
        row | {ours: row[theirs] for ours, theirs in fields.items() if theirs in row} if isinstance(row, dict) else row
    )


def _read(row: Any, place: str, places: Mapping[str, str]) -> PoolItem | Rejected:  # noqa: ANN401 - any JSON value
    texts = read_texts(row, need_response=False)
    example = to_example(texts)
    given = _given_id(row, place)
    key = given or example.id
    if given is not None and key in places:
        raise StageError(f"{place}: the id {key!r} is already that of {places[key]}, accepted: each id once")
    reason, detail = texts.reason, texts.detail
    if reason is None and not example.instruction:
        reason = "instruction_empty"
    if reason is None and key in places:
        reason, detail = "duplicate", f"same text as {places[key]}"
    if reason is None:
        return PoolItem(key, example.instruction)
    return Rejected(key, None, 0, None, reason, example.instruction, example.response, detail)


def _given_id(row: Any, place: str) -> str | None:  # noqa: ANN401 - any JSON value
    value = row.get("id") if isinstance(row, dict) else None
    if value is None or value == "":
        return None
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise StageError(f"{place}: `id` is {type(value).__name__}, accepted: a text or a whole number")
    return str(value)
