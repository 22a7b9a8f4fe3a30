"""Everything the report tells but the samples: metrics, curves, tables, other runs, the lock.

In: the files that the stages wrote. Out: one value that holds them. A key that a metrics file lacks is absent, not an
error: what it would show is left out.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizardcoder.core.console import StageError
from wizardcoder.experiments.run_history import Experiment, read_experiments
from wizardcoder.lineage.lockfile import LockedStage, read_stages

METRICS = Path("metrics")
LOSS = Path("metrics/loss.csv")
ANALYSIS = Path("data/analysis")
ROUNDS = (1, 2, 3, 4)
AFTER = ("screen", "merge", "decontaminate", "analyze", "train", "evaluate")
STAGES = ("seed", *(f"evolve_r{n}" for n in ROUNDS), *AFTER)
Metrics = Mapping[str, Any]
Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Facts:
    """`metrics` by stage; rows of loss.csv and of analyze's measures.csv and mix.csv as they stand."""

    metrics: Mapping[str, Metrics]
    loss: list[Row]
    measures: list[Row]
    mix: list[Row]
    experiments: list[Experiment]
    lock: list[LockedStage]

    def of(self, stage: str) -> Metrics:
        """Give a stage's metrics, none where it has none."""
        return self.metrics.get(stage, {})


def read_facts() -> Facts:
    """Read everything.

    Raises:
        StageError: a file is missing or not of its format.
    """
    return Facts(
        metrics={name: _json(METRICS / f"{name}.json") for name in STAGES},
        loss=_csv(LOSS),
        measures=_csv(ANALYSIS / "measures.csv"),
        mix=_csv(ANALYSIS / "mix.csv"),
        experiments=read_experiments(),
        lock=read_stages(but="report"),
    )


def number(row: Row, name: str) -> float | None:
    """Give a cell of a CSV file as a number, None where it is empty or absent.

    Raises:
        StageError: it is something else.
    """
    text = row.get(name) or ""
    try:
        return float(text) if text else None
    except ValueError as exc:
        raise StageError(f"{name}: found {text!r} in a table of numbers; accepted: a number or nothing") from exc


def _json(path: Path) -> Metrics:
    try:
        found = json.loads(path.read_bytes())
    except OSError as exc:
        raise StageError(f"{path}: {exc.strerror}; `dvc repro` makes it") from exc
    except ValueError as exc:
        raise StageError(f"{path}: not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise StageError(f"{path}: found {type(found).__name__}, accepted: an object of metrics")
    return found


def _csv(path: Path) -> list[Row]:
    """Read a table; one that is absent has no rows."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
