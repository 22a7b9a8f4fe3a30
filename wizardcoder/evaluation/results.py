"""The results of an evaluation: one per sample, and flat metrics with stable keys.

Every score has an interval, and every difference a p-value. Does not read or write files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.statistics.intervals import Interval
from wizardcoder.statistics.paired_tests import PairedDifference, compare_passes
from wizardcoder.statistics.pass_at_k import estimate_pass_at_k


@dataclass(frozen=True, slots=True)
class SampleResult:
    """The result of one sample; `completion` is the code that ran after the problem's prefix."""

    task_id: str
    sample: int
    completion: str
    passed: bool
    result: str
    seconds: float
    answer: str
    nll: float | None


@dataclass(frozen=True, slots=True)
class ModelResults:
    """The results of one model on one benchmark."""

    benchmark: str
    label: str
    problems: list[Problem]
    rows: list[SampleResult]

    def counts(self, group: str | None = None) -> dict[str, tuple[int, int]]:
        """Return (samples, passed) by task_id, for one group of problems or for all."""
        wanted = {p.task_id for p in self.problems if group is None or p.group == group}
        return counts_of([(row.task_id, row.passed) for row in self.rows if row.task_id in wanted])


def flat_metrics(scored: Sequence[ModelResults], dev: str, pass_at: Sequence[int], seed: int) -> dict[str, object]:
    """Return the metrics: `BENCHMARK.pass_at_1` of the tuned model, `BENCHMARK.LABEL.pass_at_1` of the others.

    Each pass@k has its 95 % interval (`.low`, `.high`); pass@1 is also split by library or language. `.gain` is the
    tuned model's pass@1 minus its base's, with interval and p-value. The metrics of the benchmark `dev` are repeated
    under `dev.`.
    """
    metrics: dict[str, object] = {}
    for found in scored:
        prefix = found.benchmark if found.label == "tuned" else f"{found.benchmark}.{found.label}"
        metrics[f"{found.benchmark}.problems"] = len(found.problems)
        for k, at in estimate_pass_at_k(found.counts(), sorted({1, *pass_at}), seed).items():
            metrics |= _with_interval(f"{prefix}.pass_at_{k}", at.value, at.interval)
        groups = sorted({p.group for p in found.problems})
        for group in groups if len(groups) > 1 else []:
            metrics[f"{prefix}.{group}.pass_at_1"] = estimate_pass_at_k(found.counts(group), [1], seed)[1].value
        nlls = [row.nll for row in found.rows if row.nll is not None]
        if nlls:
            metrics[f"{prefix}.nll"] = sum(nlls) / len(nlls)
    counts = {(s.benchmark, s.label): s.counts() for s in scored}
    for name in {s.benchmark for s in scored}:
        gain = compare_counts(counts[name, "base"], counts[name, "tuned"], seed)
        metrics |= _with_interval(f"{name}.gain", gain.difference, gain.interval)
        metrics[f"{name}.gain.p_value"] = gain.p_value
    of_dev = {key: value for key, value in metrics.items() if key.startswith(f"{dev}.")}
    return metrics | {f"dev.{key.removeprefix(f'{dev}.')}": value for key, value in of_dev.items()}


def counts_of(passed: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """Count (samples, passed) by task_id."""
    counts: dict[str, tuple[int, int]] = {}
    for task_id, ok in passed:
        n, c = counts.get(task_id, (0, 0))
        counts[task_id] = (n + 1, c + ok)
    return counts


def plot_row(results: ModelResults, seed: int) -> dict[str, object]:
    """Return the row of metrics/scores.csv."""
    pass_at_1 = estimate_pass_at_k(results.counts(), [1], seed)[1].value
    return {"benchmark": results.benchmark, "model": results.label, "pass_at_1": pass_at_1}


def compare_counts(a: Mapping[str, tuple[int, int]], b: Mapping[str, tuple[int, int]], seed: int) -> PairedDifference:
    """Compare two results, each given as (samples, passed) by task_id, problem by problem."""
    first, second = [{task_id: c / n for task_id, (n, c) in counts.items()} for counts in (a, b)]
    return compare_passes(first, second, seed)


def _with_interval(name: str, value: float, interval: Interval) -> dict[str, float]:
    return {name: value, f"{name}.low": interval.low, f"{name}.high": interval.high}
