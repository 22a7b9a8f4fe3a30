"""Write the card of the published data: what it contains, where it comes from, under which licences.

In: counts, the lineage, the licence of the seeds. Out: README.md with the YAML header that the Hugging Face hub and
`datasets` read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizardcoder.lineage.lock import LOCK_FILE
from wizardcoder.lineage.outs import OutLineage
from wizardcoder.lineage.revision import Commit

# the hub's size classes, each with the number of rows that is too large for it
SIZES = (("n<1K", 1_000), ("1K<n<10K", 10_000), ("10K<n<100K", 100_000), ("100K<n<1M", 1_000_000))
PAPER = "[WizardCoder](https://arxiv.org/abs/2306.08568)"


@dataclass(slots=True)
class ExportCounts:
    """What was exported: examples by field, rejected records by stage and reason, excluded ids by benchmark."""

    rows: int = 0
    by: dict[str, Counter[str]] = field(default_factory=dict)
    rejected: Counter[tuple[str, str]] = field(default_factory=Counter)
    excluded: dict[str, set[str]] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count an example."""
        self.rows += 1
        for name in ("round", "heuristic", "language", "verdict", "instruct_model", "respond_model"):
            self.by.setdefault(name, Counter())[str(row[name]) if row[name] is not None else ""] += 1


@dataclass(frozen=True, slots=True)
class DatasetOrigin:
    """Where the data comes from: seeds with licence, the commit, files that differ from it, the lineage."""

    source: str
    licence: str
    commit: Commit | None
    dirty: list[str]
    lock_md5: str
    lineage: OutLineage

    @property
    def stale(self) -> list[str]:
        """The stages of which something changed since they ran."""
        return [stage.name for stage in self.lineage.stages if stage.stale]


def dataset_card(counts: ExportCounts, origin: DatasetOrigin) -> str:
    """Return the README.md of the dataset."""
    from huggingface_hub import DatasetCardData

    configs: list[dict[str, Any]] = [
        {"config_name": name, "data_files": [{"split": "train", "path": f"{folder}/*.parquet"}]}
        for name, folder in {"default": "data", "rejected": "rejected", "excluded": "excluded"}.items()
    ]
    configs[0]["default"] = True
    header = DatasetCardData(
        license=origin.licence,
        task_categories=["text-generation"],
        tags=["code", "instruction-tuning", "evol-instruct", "synthetic"],
        size_categories=[next((name for name, above in SIZES if counts.rows < above), "1M<n<10M")],
        configs=configs,
    )
    parts = [
        f"# Code Evol-Instruct data\n\n{counts.rows:,} instruction-response pairs: seeds and their evolutions by rounds"
        f" of Code Evol-Instruct ({PAPER}), filtered, merged and decontaminated.",
        '```python\nfrom datasets import load_dataset\n\nexamples = load_dataset(DIR, split="train")\n'
        'rejected = load_dataset(DIR, "rejected", split="train")   # id, stage and reason of each rejected record\n'
        'excluded = load_dataset(DIR, "excluded", split="train")   # ids of records that match a test sample\n```',
        "## Contents",
        _table("round", counts.by.get("round", {}), "0: a seed"),
        _table("heuristic", counts.by.get("heuristic", {}), "none: a seed"),
        _table("language", counts.by.get("language", {}), "of the code in the response; none: no code, or not checked"),
        _table(
            "verdict", counts.by.get("verdict", {}), "the result of running or parsing that code; none: not checked"
        ),
        "## Rejected and excluded",
        _rejections(counts),
        "Their texts are not published: those that match a test sample would leak it into the next training set. The"
        " ids are those of the pipeline's files.",
        "## Licences",
        _licences(counts, origin),
        "## Lineage",
        lineage_text(origin),
    ]
    return f"---\n{header.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n"


def lineage_text(origin: DatasetOrigin) -> str:
    """Describe the commit and every stage with its params and outs; lineage.json contains the rest."""
    commit = f"{origin.commit.id} ({origin.commit.date})" if origin.commit else "none"
    lines = [f"- git commit: {commit}", f"- {LOCK_FILE}: md5 {origin.lock_md5}"]
    if origin.dirty:
        lines.append(f"- files that differ from the commit: {', '.join(origin.dirty)}")
    if origin.stale:
        lines.append(f"- stale stages: {', '.join(origin.stale)}")
    rows = ["| stage | command | params | out | md5 |", "|---|---|---|---|---|"]
    for stage in origin.lineage.stages:
        params = ", ".join(sorted(stage.params))
        rows += [f"| {stage.name} | `{stage.cmd}` | {params} | {out.path} | {out.md5} |" for out in stage.outs]
    note = "lineage.json holds every dependency's hash and every parameter's value."
    return "\n".join(lines) + "\n\n" + "\n".join(rows) + f"\n\n{note}"


def _table(name: str, counts: Mapping[str, int], meaning: str) -> str:
    rows = "".join(f"| {key or 'none'} | {number:,} |\n" for key, number in sorted(counts.items()))
    return f"By {name} ({meaning}):\n\n| {name} | examples |\n|---|---|\n{rows}".rstrip()


def _rejections(counts: ExportCounts) -> str:
    rows = [f"| {step} | {reason} | {number:,} |" for (step, reason), number in sorted(counts.rejected.items())]
    rows += [f"| decontaminate | too close to {name} | {len(ids):,} |" for name, ids in sorted(counts.excluded.items())]
    return "\n".join(["| stage | reason | attempts |", "|---|---|---|", *rows])


def _licences(counts: ExportCounts, origin: DatasetOrigin) -> str:
    models = sorted(name for role in ("instruct_model", "respond_model") for name in counts.by.get(role, {}) if name)
    answered = ", ".join(dict.fromkeys(models)) or "no model"
    return "\n".join(
        [
            f"- the seeds, {origin.source}: {origin.licence}; data derived from them inherits it",
            f"- evolved instructions and responses: written by {answered}, under the terms of its provider",
            "- benchmarks: the data contains none of their texts; records that match one were excluded",
        ]
    )
