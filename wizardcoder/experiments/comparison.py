"""How experiments differ from their baseline, for a person and for the report.

In: results of experiments. Out: tables with their foot; a JSON file under experiments/, which git tracks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from wizardcoder.core import console, paths
from wizardcoder.core.records import replacing
from wizardcoder.experiments.results import (
    Difference,
    Differences,
    Measure,
    Result,
    differences,
    metrics,
)
from wizardcoder.experiments.runs import Experiment
from wizardcoder.statistics.significance import LEVEL, Interval, Scored

TITLES: dict[Measure, str] = {"pass_at_1": "pass@1", "nll": "NLL of the canonical solutions (lower is better)"}
SIZE = "train.examples"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Experiments that start from `commit`, and what those that ran scored; the others with the reason.

    `dev` is the benchmark by which a choice may be made.
    """

    suite: str
    description: str
    baseline: str
    commit: str
    dev: str
    experiments: Sequence[Experiment]
    results: Sequence[Result]
    failed: Mapping[str, str]


def publish(comparison: Comparison) -> None:
    """Show the tables and write experiments/SUITE.json."""
    different = differences(comparison.results, comparison.baseline)
    for table in tables(comparison, different):
        console.show(table)
    for line in _foot(comparison, different):
        console.say(line)
    path = paths.EXPERIMENT_SUMMARIES / f"{comparison.suite}.json"
    with replacing(path) as file:
        json.dump(_rounded(summary(comparison, different)), file, indent=2, ensure_ascii=False)
        file.write("\n")
    console.say(f"written: {path}; `git add {path}` keeps it")


def tables(comparison: Comparison, different: Differences) -> list[Table]:
    """Give a table for each benchmark and measure, the experiments as rows."""
    base = next(result for result in comparison.results if result.name == comparison.baseline)
    return [
        _table(comparison.results, different, benchmark, measure)
        for benchmark, scores in base.scores.items()
        for measure in scores.means
    ]


def summary(comparison: Comparison, different: Differences) -> dict[str, Any]:
    """Give entries with their overrides, metrics and differences; `difference` is the dev benchmark's pass@1."""
    values = {experiment.name: dict(experiment.values) for experiment in comparison.experiments}
    entries = [
        {
            "name": result.name,
            "overrides": values[result.name],
            "metrics": metrics(result),
            "difference": _flat(different.get((result.name, comparison.dev, "pass_at_1"))),
            "differences": {f"{b}.{m}": _flat(d) for (name, b, m), d in different.items() if name == result.name},
        }
        for result in comparison.results
    ]
    told = {name: getattr(comparison, name) for name in ("suite", "description", "baseline", "commit", "dev")}
    corrected = {"correction": "holm", "comparisons": len(different)}
    return {**told, **corrected, "entries": entries, "failed": dict(comparison.failed)}


def scored(found: Scored) -> str:
    """Give a score with its interval."""
    return f"{found.value:.3f} ({found.interval.low:.3f} to {found.interval.high:.3f})"


def changed(value: float, interval: Interval) -> str:
    """Give a difference with its interval."""
    return f"{value:+.3f} ({interval.low:+.3f} to {interval.high:+.3f})"


def _table(results: Sequence[Result], different: Differences, benchmark: str, measure: Measure) -> Table:
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
        size = result.told.get(SIZE)
        cells = [result.name, "-" if size is None else f"{size:g}", scored(result.scores[benchmark].means[measure])]
        table.add_row(*cells, *_difference(different.get((result.name, benchmark, measure))))
    return table


def _foot(comparison: Comparison, different: Differences) -> list[str]:
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
    return changed(found.value, found.interval), f"{found.p:.4f}", f"{found.p_corrected:.4f} {mark}"


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
