"""Read what experiments scored, problem by problem, and compare them with a baseline.

In: data/results and metrics of an experiment's commit, wherever DVC keeps them. Out: paired differences with intervals
and p-values, corrected for their number; the same as flat metrics. Does not print:
wizardcoder/experiments/comparison.py does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from statistics import fmean
from typing import Literal

from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.git import read_committed
from wizardcoder.evaluation.results import compare_counts, counts_of
from wizardcoder.statistics.intervals import Interval, IntervalEstimate, bootstrap_interval
from wizardcoder.statistics.paired_tests import LEVEL, compare_means, correct_holm
from wizardcoder.statistics.pass_at_k import estimate_pass_at_k

TUNED = ".tuned.jsonl"
TRAINING_SET_STAGES = ("merge", "train")  # their metrics describe the training set
SEED = 0  # of bootstrap and permutation
Measure = Literal["pass_at_1", "nll"]


@dataclass(frozen=True)
class BenchmarkScores:
    """The tuned model on a benchmark, by task_id: (samples, passed), and the solution's NLL in nats per token."""

    counts: Mapping[str, tuple[int, int]]
    nlls: Mapping[str, float]

    @cached_property
    def means(self) -> dict[Measure, IntervalEstimate]:
        """Return the mean over problems by measure; a benchmark without canonical solutions has no NLL."""
        found: dict[Measure, IntervalEstimate] = {"pass_at_1": estimate_pass_at_k(self.counts, [1], SEED)[1]}
        if self.nlls:
            nlls = list(self.nlls.values())
            found["nll"] = IntervalEstimate(fmean(nlls), bootstrap_interval(nlls, SEED))
        return found


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """An experiment's scores by benchmark, and the metrics of its training set."""

    name: str
    scores: Mapping[str, BenchmarkScores]
    training_set: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """Experiment minus baseline, paired by problem; `p_corrected` is Holm's over all comparisons."""

    value: float
    interval: Interval
    p: float
    p_corrected: float

    @property
    def significant(self) -> bool:
        """Whether the difference is significant after the correction for the number of comparisons."""
        return self.p_corrected < LEVEL


Differences = Mapping[tuple[str, str, Measure], Difference]
"""By experiment, benchmark and measure."""


def read_result(name: str, commit: str) -> ExperimentResult:
    """Read what an experiment scored at its commit.

    Raises:
        StageError: DVC's cache no longer holds its results, or it scored nothing.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        files = DVCFileSystem(rev=commit)
        names = [str(path) for path in files.ls(str(paths.RESULTS), detail=False) if str(path).endswith(TUNED)]
        scores = {
            PurePosixPath(path).name.removesuffix(TUNED): parse_scores(files.read_text(path)) for path in sorted(names)
        }
    except (OSError, DvcException) as exc:
        raise StageError(
            f"{name}: its {paths.RESULTS} are not in DVC's cache; `dvc exp remove {name}` and run this command again"
        ) from exc
    if not scores:
        raise StageError(f"{name}: {paths.RESULTS} of its commit {commit[:7]} holds no tuned model's results")
    return ExperimentResult(
        name, scores, {key: value for stage in TRAINING_SET_STAGES for key, value in _metrics(stage, commit).items()}
    )


def compare_with_baseline(results: Sequence[ExperimentResult], baseline: str) -> Differences:
    """Compare each experiment with the baseline by both measures on every benchmark; all are one family.

    Raises:
        StageError: two experiments were scored on different problems.
    """
    base = next(result for result in results if result.name == baseline)
    found = {
        (result.name, benchmark, measure): compare_counts(own.counts, scores.counts, SEED)
        if measure == "pass_at_1"
        else compare_means(own.nlls, scores.nlls, SEED)
        for result in results
        if result is not base
        for benchmark, own, scores in _pairs(base, result)
        for measure in own.means
    }
    corrected = correct_holm([comparison.p_value for comparison in found.values()])
    return {
        key: Difference(comparison.difference, comparison.interval, comparison.p_value, p)
        for (key, comparison), p in zip(found.items(), corrected, strict=True)
    }


def flat_metrics(result: ExperimentResult) -> dict[str, float]:
    """Return a result as flat metrics: `BENCHMARK.MEASURE` with `.low` and `.high`, and those of the training set."""
    flat = dict(result.training_set)
    for benchmark, scores in result.scores.items():
        for measure, scored in scores.means.items():
            key = f"{benchmark}.{measure}"
            flat |= {key: scored.value, f"{key}.low": scored.interval.low, f"{key}.high": scored.interval.high}
    return flat


def parse_scores(text: str) -> BenchmarkScores:
    """Parse the lines of a results file as the stage evaluate writes it."""
    rows = [json.loads(line) for line in text.splitlines()]
    nlls = {row["task_id"]: float(row["nll"]) for row in rows if row["nll"] is not None}
    return BenchmarkScores(counts_of((row["task_id"], row["passed"]) for row in rows), nlls)


def _pairs(base: ExperimentResult, other: ExperimentResult) -> list[tuple[str, BenchmarkScores, BenchmarkScores]]:
    if base.scores.keys() != other.scores.keys():
        raise StageError(
            f"{other.name}: found scores of {', '.join(other.scores)}, accepted: those of {base.name}: "
            f"{', '.join(base.scores)}"
        )
    pairs = [(benchmark, own, other.scores[benchmark]) for benchmark, own in base.scores.items()]
    for benchmark, own, scores in pairs:
        if own.counts.keys() != scores.counts.keys() or own.nlls.keys() != scores.nlls.keys():
            raise StageError(f"{other.name}: {benchmark}: scored on different problems than {base.name}")
    return pairs


def _metrics(stage: str, commit: str) -> dict[str, float]:
    """Return a stage's numeric metrics of a commit, `STAGE.` before each key; none where it has no metrics file."""
    text = read_committed(commit, paths.METRICS / f"{stage}.json")
    numbers = json.loads(text) if text is not None else {}
    return {f"{stage}.{key}": value for key, value in numbers.items() if isinstance(value, int | float)}
