"""Records that flow between stages, and the files they flow through.

In and out: JSON Lines in UTF-8, one object a line; flat JSON metrics. Files appear whole or not at all. This
module defines the fields; dvc.yaml says which stage writes which file.
"""

from __future__ import annotations

import csv
import errno
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, TextIO, TypeVar, cast, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.json_files import read_lines
from wizardcoder.core.params import STRICT
from wizardcoder.core.validation import describe

Verdict = Literal["ran", "parsed", "raised", "timed_out", "syntax_error", "no_code", "unchecked"]
"""Result of checking a response's code: it `ran` to its end; `parsed`, but lacks something it needs to run to its end;
`raised` an error; `timed_out`; `no_code` in the response; `unchecked`: its toolchain is not installed."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True, config=STRICT)
class Example:
    """One instruction-response pair.

    A seed's `id` is a hash of its texts; an evolved id is its parent's with the round appended
    (`3f2a9c01b7d4e5f6-r1-r3`), so it contains the lineage. `heuristic` and the fields about the teacher are None for a
    seed. Token counts are the teacher's own. The stage screen sets the last three: the response's programming language,
    the result of running or parsing its code, and the safety rules that it matches.
    """

    id: str
    parent_id: str | None
    round: int
    heuristic: str | None
    instruction: str
    response: str
    instruct_model: str | None = None
    respond_model: str | None = None
    prompt_version: str | None = None
    finish_reason: str | None = None
    instruction_tokens: int | None = None
    response_tokens: int | None = None
    language: str | None = None
    verdict: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def full_text(self) -> str:
        """The instruction and the response."""
        return f"{self.instruction}\n{self.response}"


@dataclass(frozen=True, slots=True, config=STRICT)
class Rejected:
    """A rejected attempt, with its reason and the texts of the teacher (without lead-ins) or of the source."""

    id: str
    parent_id: str | None
    round: int
    heuristic: str | None
    reason: str
    instruction: str
    response: str
    detail: str = ""


@dataclass(frozen=True, slots=True, config=STRICT)
class PoolItem:
    """A lineage's latest accepted instruction, from which the next round starts."""

    id: str
    instruction: str


R = TypeVar("R")
# other errors inside the block are not about this file
_UNWRITABLE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EACCES,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
}


def read_records(path: Path, kind: type[R]) -> Iterator[R]:
    """Yield the records of a file one by one; a blank line is an error.

    Raises:
        StageError: the file is missing, or a line is not a record of this kind; names file and line.
    """
    adapter = TypeAdapter(kind)
    for number, line in read_lines(path):
        try:
            yield adapter.validate_json(line.rstrip(b"\n"))
        except ValidationError as exc:
            raise StageError(f"{path}:{number}: {describe(exc, kind)}") from exc


def seed_id(sample_id: str) -> str:
    """Return the id of the seed from which a record was evolved; a seed's own id is returned as it is.

    >>> seed_id("3f2a9c01b7d4e5f6-r1-r3")
    '3f2a9c01b7d4e5f6'
    """
    return sample_id.split("-r", maxsplit=1)[0]


def lineage(example: Example, by_id: Mapping[str, Example]) -> list[Example]:
    """Return a record followed by its ancestors, as far as they are known; the last is the seed if all are.

    A parent must be of an earlier round, so that a broken file cannot make this loop endless.
    """
    line = [example]
    while (parent := by_id.get(line[-1].parent_id or "")) is not None and parent.round < line[-1].round:
        line.append(parent)
    return line


def count_lines(path: Path) -> int:
    """Count the records of a JSON Lines file without parsing them."""
    return sum(1 for _ in read_lines(path))


def to_line(record: Any) -> str:  # noqa: ANN401 - any record dataclass, or a plain mapping
    """Return the record as a line of JSON, with the line end."""
    fields = record if isinstance(record, dict) else {name: getattr(record, name) for name in record.__slots__}
    return json.dumps(fields, ensure_ascii=False) + "\n"


@contextmanager
def replacing(path: Path) -> Iterator[IO[str]]:
    """Open a temporary text file for writing; it replaces `path` if the block ends without an error."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")  # two runs may write the same file
    try:
        _make_folder(path)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as exc:
        # another file that the block works on may fail too; an error of writing carries no name
        own = exc.filename is None or str(exc.filename) in (str(temporary), str(path))
        if exc.errno not in _UNWRITABLE or not own:
            raise
        raise StageError(f"{path}: cannot be written: {exc.strerror}") from exc
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a binary file; it appears whole or not at all."""
    with replacing(path) as file:
        cast("TextIO", file).buffer.write(data)


def write_jsonl(path: Path, records: Iterable[Any]) -> int:
    """Write records and return their number; the file appears whole or not at all."""
    count = 0
    with replacing(path) as file:
        for record in records:
            file.write(to_line(record))
            count += 1
    return count


def read_metrics(path: Path) -> dict[str, Any]:
    """Read a stage's metrics.

    Raises:
        StageError: the file is missing, or is not a JSON object.
    """
    try:
        metrics = json.loads(path.read_bytes())
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}; `dvc repro` writes it") from exc
    except ValueError as exc:
        raise StageError(f"{path}: not JSON: {exc}") from exc
    if not isinstance(metrics, dict):
        raise StageError(f"{path}: found {type(metrics).__name__}, accepted: an object of metrics")
    return metrics


def write_metrics(path: Path, metrics: Mapping[str, object]) -> None:
    """Write flat JSON with sorted keys, floats at six significant digits."""
    rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in metrics.items()}
    with replacing(path) as file:
        json.dump(rounded, file, indent=2, sort_keys=True, ensure_ascii=False)
        file.write("\n")


def write_csv(path: Path, rows: Iterable[Mapping[str, object]], columns: tuple[str, ...]) -> None:
    """Write rows under a header; missing values stay empty."""
    with replacing(path) as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StageError(f"{path}: cannot be written: {exc.strerror}") from exc
