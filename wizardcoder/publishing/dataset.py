"""Write the training data as a Hugging Face dataset into a folder.

In: data/decontaminated and the rejected and excluded records of all stages. Out: parquet files, a card (README.md) and
lineage.json, which `datasets.load_dataset` reads. Texts of rejected and excluded records are left out. Does not
publish: wizardcoder/publishing/export.py does.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from wizardcoder.core import console, paths
from wizardcoder.core.records import Example, Rejected, count_lines, read_records
from wizardcoder.publishing.dataset_card import DatasetOrigin, ExportCounts, dataset_card
from wizardcoder.publishing.parquet import columns_of, write_shards

DROPPED = {
    "seed": paths.round_folder(0) / "rejected.jsonl",
    **{f"evolve_r{n}": paths.round_folder(n) / "rejected.jsonl" for n in paths.EVOLVED_ROUNDS},
    "screen": paths.SCREENED_OUT,
    "merge": paths.MERGED_REMOVED,
}
"""The files of dropped records, by stage."""
REJECTED = {"step": "string", "id": "string", "round": "int64", "heuristic": "string", "reason": "string"}
EXCLUDED = {
    "id": "string",
    "benchmark": "string",
    "task_id": "string",
    "similarity": "float64",
    "overlap": "float64",
    "judge": "string",
}


def write_dataset(folder: Path, origin: DatasetOrigin) -> ExportCounts:
    """Write the dataset into a folder and return what was counted.

    Raises:
        StageError: a data file is missing or a line is not a record.
    """
    counts = ExportCounts()
    total = count_lines(paths.TRAINING_EXAMPLES)

    def examples() -> Iterator[dict[str, Any]]:
        with console.track("export", total) as bar:
            for example in read_records(paths.TRAINING_EXAMPLES, Example):
                row = {name: getattr(example, name) for name in Example.__slots__}
                counts.add(row)
                bar.advance()
                yield row

    write_shards(folder / "data", "train", examples(), total, columns_of(Example))
    dropped = {step: path for step, path in DROPPED.items() if path.is_file()}
    rejected = (
        {"step": step, **{name: getattr(r, name) for name in REJECTED if name != "step"}}
        for step, path in dropped.items()
        for r in read_records(path, Rejected)
    )
    number = sum(map(count_lines, dropped.values()))
    write_shards(folder / "rejected", "train", _counted(rejected, counts), number, REJECTED)
    excluded = (_excluded(row, counts) for row in _rows(paths.EXCLUDED))
    write_shards(folder / "excluded", "train", excluded, count_lines(paths.EXCLUDED), EXCLUDED)
    (folder / "lineage.json").write_text(lineage_json(origin), encoding="utf-8")
    (folder / "README.md").write_text(dataset_card(counts, origin), encoding="utf-8")
    return counts


def lineage_json(origin: DatasetOrigin) -> str:
    """Format where the data comes from as JSON."""
    return json.dumps(dataclasses.asdict(origin), ensure_ascii=False, indent=2) + "\n"


def _counted(rows: Iterator[dict[str, Any]], counts: ExportCounts) -> Iterator[dict[str, Any]]:
    for row in rows:
        counts.rejected[row["step"], row["reason"]] += 1
        yield row


def _excluded(row: dict[str, Any], counts: ExportCounts) -> dict[str, Any]:
    """Return an excluded record without its texts, which are test samples or close to them."""
    counts.excluded.setdefault(row["benchmark"], set()).add(row["id"])
    return {name: row.get(name) for name in EXCLUDED}


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)
