"""Show how experiments differ from their baseline, and write it for the report.

In: results of experiments. Out: a table for each benchmark and measure, with notes; experiments/SUITE.json, which git
tracks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from wizardcoder.core import console, paths
from wizardcoder.core.records import replacing
from wizardcoder.experiments.experiment import Experiment
from wizardcoder.experiments.results import (
    Difference,
    Differences,
    ExperimentResult,
    Measure,
    compare_with_baseline,
    flat_metrics,
)
from wizardcoder.statistics.intervals import Interval, IntervalEstimate
from wizardcoder.statistics.paired_tests import LEVEL

TITLES: dict[Measure, str] = {"pass_at_1": "pass@1", "nll": "NLL of the canonical solutions (lower is better)"}
SIZE = "train.examples"


@dataclass(frozen=True, slots=True)
class ExperimentComparison:
    """Experiments that start from `commit`, the results of those that finished, the reasons of those that failed.

    `dev` is the benchmark that may decide between them.
    """

    suite: str
    description: str
    baseline: str
    commit: str
    dev: str
    experiments: Sequence[Experiment]
    results: Sequence[ExperimentResult]
    failed: Mapping[str, str]


def publish_comparison(comparison: ExperimentComparison) -> None:
    """Print the tables and write experiments/SUITE.json."""
    different = compare_with_baseline(comparison.results, comparison.baseline)
    for table in comparison_tables(comparison, different):
        console.show(table)
    for line in _foot(comparison, different):
        console.say(line)
    path = paths.EXPERIMENT_SUMMARIES / f"{comparison.suite}.json"
    with replacing(path) as file:
        json.dump(_rounded(comparison_summary(comparison, different)), file, indent=2, ensure_ascii=False)
        file.write("\n")
    console.say(f"written: {path}; `git add {path}` to keep it")


def comparison_tables(comparison: ExperimentComparison, different: Differences) -> list[Table]:
    """Return a table for each benchmark and measure, with the experiments as rows."""
    base = next(result for result in comparison.results if result.name == comparison.baseline)
    return [
        _table(comparison.results, different, benchmark, measure)
        for benchmark, scores in base.scores.items()
        for measure in scores.means
    ]


def comparison_summary(comparison: ExperimentComparison, different: Differences) -> dict[str, Any]:
    """Return entries with overrides, metrics and differences; `difference` is pass@1 on the dev benchmark."""
    values = {experiment.name: dict(experiment.values) for experiment in comparison.experiments}
    entries = [
        {
            "name": result.name,
            "overrides": values[result.name],
            "metrics": flat_metrics(result),
            "difference": _flat(different.get((result.name, comparison.dev, "pass_at_1"))),
            "differences": {f"{b}.{m}": _flat(d) for (name, b, m), d in different.items() if name == result.name},
        }
        for result in comparison.results
    ]
    head = {name: getattr(comparison, name) for name in ("suite", "description", "baseline", "commit", "dev")}
    corrected = {"correction": "holm", "comparisons": len(different)}
    return {**head, **corrected, "entries": entries, "failed": dict(comparison.failed)}


def format_score(found: IntervalEstimate) -> str:
    """Format a score with its interval."""
    return f"{found.value:.3f} ({found.interval.low:.3f} to {found.interval.high:.3f})"


def format_difference(value: float, interval: Interval) -> str:
    """Format a difference with its interval."""
    return f"{value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _table(results: Sequence[ExperimentResult], different: Differences, benchmark: str, measure: Measure) -> Table:
    problems = len(results[0].scores[benchmark].counts)
    table = Table(
        "experiment",
        "examples",
        "score",
        "difference",
        "p",
        "p, Holm",
        title=f"{benchmark}, {problems} problems: {TITLES[measure]}",
        title_justify="left",
    )
    for result in results:
        size = result.training_set.get(SIZE)
        cells = [
            result.name,
            "-" if size is None else f"{size:g}",
            format_score(result.scores[benchmark].means[measure]),
        ]
        table.add_row(*cells, *_difference(different.get((result.name, benchmark, measure))))
    return table


def _foot(comparison: ExperimentComparison, different: Differences) -> list[str]:
    significant = sum(difference.significant for difference in different.values())
    return [
        f"difference: from {comparison.baseline}, paired by problem; greedy pass@1: Newcombe's interval (95 %) and "
        "McNemar's exact p; else: a bootstrap and a sign-flip permutation test",
        f"p, Holm: corrected over all {len(different)} comparisons of the suite; {significant} significant at "
        f"{LEVEL:g} (*), {len(different) - significant} not (n.s.)",
    ]


def _difference(found: Difference | None) -> tuple[str, str, str]:
    if found is None:
        return "baseline", "", ""
    mark = "*" if found.significant else "n.s."
    return format_difference(found.value, found.interval), f"{found.p:.4f}", f"{found.p_corrected:.4f} {mark}"


def _flat(found: Difference | None) -> dict[str, object] | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "low": found.interval.low,
        "high": found.interval.high,
        "p": found.p,
        "p_corrected": found.p_corrected,
        "significant": found.significant,
    }


def _rounded(node: Any) -> Any:  # noqa: ANN401 - a tree of JSON
    if isinstance(node, dict):
        return {key: _rounded(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_rounded(item) for item in node]
    return float(f"{node:.6g}") if isinstance(node, float) else node
