"""Find records in the JSON Lines files of a revision.

In: an id or a task_id, a revision of the project. Out: records. Files are read line by line, from the workspace, git,
or DVC's cache or remote.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from wizardcoder.core import paths
from wizardcoder.core.records import Example, Rejected
from wizardcoder.lineage.revision import Revision


def known_ids(revision: Revision) -> Iterator[str]:
    """Yield the id of every example and every rejected attempt of the rounds."""
    for number in paths.ROUND_NUMBERS:
        for name in ("examples", "rejected"):
            for line in _read_lines(paths.round_folder(number) / f"{name}.jsonl", revision):
                yield json.loads(line)["id"]


def rows_with(path: Path, key: str, value: str, revision: Revision) -> Iterator[dict[str, Any]]:
    """Yield the records of a JSON Lines file that have this value, without parsing most others."""
    needle = json.dumps(value, ensure_ascii=False).encode()
    for line in _read_lines(path, revision):
        if needle in line and (row := json.loads(line)).get(key) == value:
            yield row


def find_record(number: int, sample: str, revision: Revision) -> Example | Rejected | None:
    """Return the record of an attempt in a round, accepted or rejected; None where the round has no such id."""
    kinds: tuple[tuple[str, type[Example] | type[Rejected]], ...] = (("examples", Example), ("rejected", Rejected))
    for name, kind in kinds:
        for row in rows_with(paths.round_folder(number) / f"{name}.jsonl", "id", sample, revision):
            record: Example | Rejected = TypeAdapter(kind).validate_json(json.dumps(row))
            return record
    return None


def _read_lines(path: Path, revision: Revision) -> Iterator[bytes]:
    file = revision.open(path.as_posix())
    if file is not None:
        with file:
            yield from file
