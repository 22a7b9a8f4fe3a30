"""The files of a run that the report shows, without its samples: metrics, the loss curve, measures, history, dvc.lock.

A key that a metrics file lacks is not an error: the report leaves out what it would show.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.records import read_metrics
from wizardcoder.experiments.run_history import CommittedRun, read_history
from wizardcoder.lineage.lock import StageOverview, read_overview
from wizardcoder.report.metrics_files import STAGES, Metrics

CsvRow = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RunFiles:
    """`metrics` by stage; the rows of loss.csv and of analyze's measures.csv and mix.csv as text."""

    metrics: Mapping[str, Metrics]
    loss: list[CsvRow]
    measures: list[CsvRow]
    mix: list[CsvRow]
    history: list[CommittedRun]
    lock: list[StageOverview]

    def stage(self, name: str) -> Metrics:
        """Return a stage's metrics, empty if the stage has none."""
        return self.metrics.get(name, {})


def read_run_files() -> RunFiles:
    """Read the files.

    Raises:
        StageError: a file is missing or has the wrong format.
    """
    return RunFiles(
        metrics={name: read_metrics(paths.METRICS / f"{name}.json") for name in STAGES},
        loss=_read_csv(paths.LOSS_TABLE),
        measures=_read_csv(paths.ANALYSIS / "measures.csv"),
        mix=_read_csv(paths.ANALYSIS / "mix.csv"),
        history=read_history().runs,
        lock=read_overview(without="report"),
    )


def csv_number(row: CsvRow, name: str) -> float | None:
    """Return a cell of a CSV file as a number, None if it is empty or absent.

    Raises:
        StageError: the cell is something else.
    """
    text = row.get(name) or ""
    try:
        return float(text) if text else None
    except ValueError as exc:
        raise StageError(f"{name}: found {text!r} in a table of numbers; accepted: a number or nothing") from exc


def _read_csv(path: Path) -> list[CsvRow]:
    """Read a table; a missing file has no rows."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
