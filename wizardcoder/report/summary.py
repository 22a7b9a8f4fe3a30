"""The headline numbers of a run, metrics/summary.json: the metrics that DVC shows and compares.

In: the detailed metrics of the stages. Out: a flat mapping with the same keys in every run. The keys are few and short
so that `dvc metrics show`, which prints one column for each, fits into 120 columns; a test checks the width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizardcoder.report.metrics_files import EVOLVE_STAGES, Metrics

SOURCES = (*EVOLVE_STAGES, "screen", "decontaminate", "train", "evaluate")
"""The stages whose metrics are summarized."""
TEST_BENCHMARK = "humaneval"


def summarize(metrics: Mapping[str, Metrics], dev: str) -> dict[str, float | int | None]:
    """Return the headline numbers; a value is None if its stage is off or did not measure it.

    Args:
        metrics: the metrics of SOURCES, by stage.
        dev: the development benchmark, evaluate.dev.

    Returns:
        records: training records. cost: of all teacher answers that the run used, at the configured prices. loss,
        loss_base: of the tuned and the base model on the held-out records, in nats per token. dev, dev_base, humaneval,
        humaneval_base: pass@1 of the tuned and the base model.
    """
    train, scores = metrics["train"], metrics["evaluate"]
    return {
        "records": train.get("examples"),
        "cost": _rounded(_total_cost(metrics)),
        "loss": _rounded(train.get("held_out_loss_after")),
        "loss_base": _rounded(train.get("held_out_loss_before")),
        "dev": _rounded(scores.get(f"{dev}.pass_at_1")),
        "dev_base": _rounded(scores.get(f"{dev}.base.pass_at_1")),
        "humaneval": _rounded(scores.get(f"{TEST_BENCHMARK}.pass_at_1")),
        "humaneval_base": _rounded(scores.get(f"{TEST_BENCHMARK}.base.pass_at_1")),
    }


def _total_cost(metrics: Mapping[str, Metrics]) -> float | None:
    costs = [of_stage["cost"] for of_stage in metrics.values() if "cost" in of_stage]
    return float(sum(costs)) if costs else None


def _rounded(value: Any) -> float | None:  # noqa: ANN401 - a value of a metrics file
    """Round to four decimals: one problem of 1,000 is 0.001."""
    return None if value is None else round(float(value), 4)
