"""Stage seed: instruction-response pairs in Alpaca form become round 0.

In: `seed.source`, a local .json, .jsonl or .parquet file, or a .yaml that names a data set of the hub and its
revision. Out: data/rounds/r0 with examples.jsonl, rejected.jsonl and pool.jsonl; metrics/seed.json.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic.dataclasses import dataclass

from stages.lib import console
from stages.lib.console import StageError
from stages.lib.params import STRICT, AtLeastOne, RunParams, Text, load, read_yaml
from stages.lib.records import Example, PoolItem, Rejected, write_jsonl, write_metrics

OUT = Path("data/rounds/r0")
METRICS = Path("metrics/seed.json")
ACCEPTED = "accepted: Alpaca records with `instruction`, `output` and, if any, `input`"
ID_LENGTH = 16


@dataclass(frozen=True, slots=True, config=STRICT)
class SeedParams:
    """Where the seeds come from and how many are drawn; a null limit takes all."""

    source: Text
    limit: AtLeastOne | None


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    run: RunParams
    seed: SeedParams


def main() -> None:
    """Read the source, normalise it, write round 0."""
    params = load(Params)
    with console.closing_line("seed") as close:
        records = read_source(Path(params.seed.source))
        examples, rejected = run(params, records)
        write_jsonl(OUT / "examples.jsonl", examples)
        write_jsonl(OUT / "rejected.jsonl", rejected)
        write_jsonl(OUT / "pool.jsonl", (PoolItem(e.id, e.instruction) for e in examples))
        counts = {"read": len(records), "kept": len(examples), "rejected": len(rejected)}
        reasons = {f"rejected.{r}": sum(x.reason == r for x in rejected) for r in sorted({x.reason for x in rejected})}
        write_metrics(METRICS, counts | reasons)
        close(**counts)


def run(params: Params, records: Iterable[dict[str, Any]]) -> tuple[list[Example], list[Rejected]]:
    """Join instruction and input, drop what is empty or an exact duplicate, draw `seed.limit`.

    An id is a hash of the record's text, so that it does not change when the source is reordered; the draw ranks
    ids by a hash with the run's seed, so that it does not either. What is kept stays in the source's order.
    """
    kept: dict[str, Example] = {}
    rejected: list[Rejected] = []
    for record in records:
        example = _example(record)
        reason, detail = _reject_reason(example, kept)
        if reason is None:
            kept[example.id] = example
        else:
            rejected.append(_rejected(example, reason, detail))
    limit = params.seed.limit
    if limit is not None and limit < len(kept):
        ranked = sorted(kept, key=lambda key: hashlib.sha256(f"{params.run.seed}:{key}".encode()).digest())
        drawn = set(ranked[:limit])
        over = [kept.pop(key) for key in list(kept) if key not in drawn]
        rejected += [_rejected(example, "over_limit", f"seed.limit is {limit}") for example in over]
    if not kept:
        raise StageError(f"seed.source: {params.seed.source}: no usable record; {ACCEPTED}")
    return list(kept.values()), rejected


def read_source(path: Path) -> list[dict[str, Any]]:
    """Read the records of a source; each is checked for its fields, by its place in the file.

    Raises:
        StageError: the file is missing, not of a known form, truncated, not UTF-8, empty, or a record lacks a field.
    """
    readers = {".json": _read_json, ".jsonl": _read_lines, ".parquet": _read_parquet, ".yaml": _read_hub}
    reader = readers.get(path.suffix)
    if reader is None:
        raise StageError(f"seed.source: found {str(path)!r}, accepted: a file ending in {', '.join(readers)}")
    if not path.is_file():
        raise StageError(f"seed.source: {path}: no such file")
    try:
        placed = reader(path)
    except UnicodeDecodeError as exc:
        raise StageError(f"{path}: not UTF-8: byte {exc.object[exc.start]:#04x} at offset {exc.start}") from exc
    if not placed:
        raise StageError(f"{path}: holds no record; {ACCEPTED}")
    return [_checked(record, f"{path}{place}") for place, record in placed]


def _read_json(path: Path) -> list[tuple[str, Any]]:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as exc:
        raise StageError(f"{path}:{exc.lineno}: not JSON, or cut short: {exc.msg}") from exc
    except RecursionError as exc:
        raise StageError(f"{path}: not JSON that can be read: nested too deeply") from exc
    if not isinstance(data, list):
        raise StageError(f"{path}: found {type(data).__name__}, accepted: a list of records")
    return [(f": record {number}", record) for number, record in enumerate(data)]


def _read_lines(path: Path) -> list[tuple[str, Any]]:
    placed = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                placed.append((f":{number}", json.loads(line)))
            except json.JSONDecodeError as exc:
                raise StageError(f"{path}:{number}: not JSON, or cut short: {exc.msg}") from exc
    return placed


def _read_parquet(path: Path) -> list[tuple[str, Any]]:
    import pyarrow.parquet

    try:
        rows = pyarrow.parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowInvalid, OSError) as exc:
        raise StageError(f"{path}: not parquet, or cut short: {' '.join(str(exc).split())}") from exc
    return [(f": row {number}", row) for number, row in enumerate(rows)]


def _read_hub(path: Path) -> list[tuple[str, Any]]:
    """Load a data set of the hub; the file names it, its revision and its split."""
    wanted = read_yaml(path)
    if set(wanted) != {"id", "revision", "split"} or not all(isinstance(v, str) for v in wanted.values()):
        raise StageError(f"{path}: found {wanted}, accepted: the keys id, revision and split, each a text")
    import datasets

    try:
        rows = datasets.load_dataset(wanted["id"], revision=wanted["revision"], split=wanted["split"])
    except (OSError, ValueError, RuntimeError) as exc:
        raise StageError(f"{path}: {wanted['id']} cannot be loaded: {' '.join(str(exc).split())[:300]}") from exc
    return [(f": row {number}", dict(row)) for number, row in enumerate(rows)]


def _checked(record: Any, place: str) -> dict[str, Any]:  # noqa: ANN401 - whatever the file holds
    if not isinstance(record, dict):
        raise StageError(f"{place}: found {type(record).__name__}, {ACCEPTED}")
    for field in ("instruction", "output"):
        if field not in record:
            raise StageError(f"{place}: `{field}` is missing; {ACCEPTED}")
    for field in ("instruction", "input", "output"):
        value = record.get(field)
        if not isinstance(value, str) and not (field == "input" and value is None):
            raise StageError(f"{place}: `{field}` is {repr(value)[:80]}, accepted: a text")
        if value is not None and not _is_unicode(value):
            raise StageError(f"{place}: `{field}` holds a lone surrogate, accepted: a text in Unicode")
    return record


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _example(record: dict[str, Any]) -> Example:
    parts = [record["instruction"].strip(), (record.get("input") or "").strip()]
    instruction = "\n".join(part for part in parts if part)
    response = record["output"].strip()
    digest = hashlib.sha256(f"{instruction}\0{response}".encode()).hexdigest()[:ID_LENGTH]
    return Example(digest, None, 0, None, instruction, response)


def _reject_reason(example: Example, kept: dict[str, Example]) -> tuple[str | None, str]:
    if not example.instruction:
        return "instruction_empty", ""
    if not example.response:
        return "response_empty", ""
    if example.id in kept:
        return "duplicate", f"same text as {example.id}"
    return None, ""


def _rejected(example: Example, reason: str, detail: str) -> Rejected:
    return Rejected(example.id, None, 0, None, reason, example.instruction, example.response, detail)


if __name__ == "__main__":
    console.entry(main)
