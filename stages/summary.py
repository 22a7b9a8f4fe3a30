"""Stage summary: the headline numbers of the run, which DVC shows and compares as its metrics.

In: the detailed metrics of the stages up to evaluate. Out: metrics/summary.json. Experiments end with this stage, so
that `dvc exp show` lists their numbers.
"""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from wizardcoder.core import console, paths
from wizardcoder.core.money import format_cost
from wizardcoder.core.params import PART, STRICT, Text, load
from wizardcoder.core.records import read_metrics, write_metrics
from wizardcoder.core.stage_cli import run_stage
from wizardcoder.report.summary import SOURCES, summarize


@dataclass(frozen=True, slots=True, config=PART)
class DevBenchmark:
    """The development benchmark of the `evaluate` section."""

    dev: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    evaluate: DevBenchmark


def main() -> None:
    """Write the summary."""
    params = load(Params)
    with console.closing_line("summary") as close:
        summary = summarize(
            {stage: read_metrics(paths.METRICS / f"{stage}.json") for stage in SOURCES}, params.evaluate.dev
        )
        write_metrics(paths.SUMMARY_METRICS, summary)
        shown = {name: value for name, value in summary.items() if value is not None}
        close(**{name: format_cost(value) if name == "cost" else value for name, value in shown.items()})


if __name__ == "__main__":
    run_stage(main, __doc__)
