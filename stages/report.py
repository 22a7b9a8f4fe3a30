"""Stage report: the pages that show the run, and on which people compare two models blind.

In: the metrics and data of all stages, dvc.lock, and metrics/experiments.json, the scores of earlier runs (written by
`wizardcoder report`). Out: report/index.html, report/compare.html, metrics/report.json. No stage depends on them.
"""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.params import STRICT, RunParams, Text, load
from wizardcoder.core.records import write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.report.build import write_pages
from wizardcoder.report.settings import ReportParams


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml; `benchmarks` maps a name to its source."""

    run: RunParams
    benchmarks: dict[str, Text | None]
    report: ReportParams


def main() -> None:
    """Write both pages."""
    params = load(Params)
    with console.closing_line("report") as close:
        models = params.report.compare.a, params.report.compare.b
        counts = write_pages(params.benchmarks, models, params.report.samples, params.run.seed)
        write_metrics(paths.REPORT_METRICS, counts)
        close(**counts)


if __name__ == "__main__":
    run_stage(main, __doc__)
