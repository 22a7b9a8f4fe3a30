"""What experiments scored, problem by problem, and how they differ from one of them.

In: data/results and metrics of an experiment's commit, wherever DVC keeps them. Out: paired differences with interval
and p-value, corrected for their number; the same as flat figures for a file. Printing is not covered.
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
from wizardcoder.statistics.significance import LEVEL, Interval, Scored, bootstrap, holm, paired_means, pass_at_k_table

TUNED = ".tuned.jsonl"
TOLD = ("merge", "train")  # stages whose metrics say how the training sets of two experiments differ
SEED = 0  # of bootstrap and permutation
Measure = Literal["pass_at_1", "nll"]


@dataclass(frozen=True)
class Scores:
    """The tuned model on a benchmark: (samples, passed) and the solution's NLL, in nats per token, by task_id."""

    counts: Mapping[str, tuple[int, int]]
    nlls: Mapping[str, float]

    @cached_property
    def means(self) -> dict[Measure, Scored]:
        """Give the mean over problems by measure; a benchmark without canonical solutions has no NLL."""
        found: dict[Measure, Scored] = {"pass_at_1": pass_at_k_table(self.counts, [1], SEED)[1]}
        if self.nlls:
            nlls = list(self.nlls.values())
            found["nll"] = Scored(fmean(nlls), bootstrap(nlls, SEED))
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """An experiment's scores by benchmark, and what its training set was."""

    name: str
    scores: Mapping[str, Scores]
    told: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Difference:
    """This experiment less the baseline, paired by problem; `p_corrected` is Holm's over the whole family."""

    value: float
    interval: Interval
    p: float
    p_corrected: float

    @property
    def significant(self) -> bool:
        """Say whether the difference is beyond chance, many as were looked at."""
        return self.p_corrected < LEVEL


Differences = Mapping[tuple[str, str, Measure], Difference]
"""By experiment, benchmark and measure."""


def read_result(name: str, commit: str) -> Result:
    """Read what an experiment scored at its commit.

    Raises:
        StageError: its results are gone from DVC's cache, or it scored nothing.
    """
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException

    try:
        files = DVCFileSystem(rev=commit)
        names = [str(path) for path in files.ls(str(paths.RESULTS), detail=False) if str(path).endswith(TUNED)]
        scores = {
            PurePosixPath(path).name.removesuffix(TUNED): _scores(files.read_text(path)) for path in sorted(names)
        }
    except (OSError, DvcException) as exc:
        raise StageError(
            f"{name}: its {paths.RESULTS} are not in DVC's cache; `dvc exp remove {name}` and call again"
        ) from exc
    if not scores:
        raise StageError(f"{name}: {paths.RESULTS} of its commit {commit[:7]} holds no tuned model's results")
    return Result(name, scores, {key: value for stage in TOLD for key, value in _metrics(stage, commit).items()})


def differences(results: Sequence[Result], baseline: str) -> Differences:
    """Compare each experiment with the baseline by both measures on every benchmark; all are one family.

    Raises:
        StageError: two experiments are not scored on the same problems.
    """
    base = next(result for result in results if result.name == baseline)
    found = {
        (result.name, benchmark, measure): compare_counts(own.counts, scores.counts, SEED)
        if measure == "pass_at_1"
        else paired_means(own.nlls, scores.nlls, SEED)
        for result in results
        if result is not base
        for benchmark, own, scores in _pairs(base, result)
        for measure in own.means
    }
    corrected = holm([comparison.p_value for comparison in found.values()])
    return {
        key: Difference(comparison.difference, comparison.interval, comparison.p_value, p)
        for (key, comparison), p in zip(found.items(), corrected, strict=True)
    }


def metrics(result: Result) -> dict[str, float]:
    """Give a result as flat figures: `BENCHMARK.MEASURE` with `.low` and `.high`, and what its training set was."""
    flat = dict(result.told)
    for benchmark, scores in result.scores.items():
        for measure, scored in scores.means.items():
            key = f"{benchmark}.{measure}"
            flat |= {key: scored.value, f"{key}.low": scored.interval.low, f"{key}.high": scored.interval.high}
    return flat


def _pairs(base: Result, other: Result) -> list[tuple[str, Scores, Scores]]:
    if base.scores.keys() != other.scores.keys():
        raise StageError(
            f"{other.name}: found scores of {', '.join(other.scores)}, accepted: those of {base.name}: "
            f"{', '.join(base.scores)}"
        )
    pairs = [(benchmark, own, other.scores[benchmark]) for benchmark, own in base.scores.items()]
    for benchmark, own, scores in pairs:
        if own.counts.keys() != scores.counts.keys() or own.nlls.keys() != scores.nlls.keys():
            raise StageError(f"{other.name}: {benchmark}: scored on other problems than {base.name}")
    return pairs


def _scores(text: str) -> Scores:
    rows = [json.loads(line) for line in text.splitlines()]
    nlls = {row["task_id"]: float(row["nll"]) for row in rows if row["nll"] is not None}
    return Scores(counts_of((row["task_id"], row["passed"]) for row in rows), nlls)


def _metrics(stage: str, commit: str) -> dict[str, float]:
    """Give a stage's numbers as git keeps them, under its name; none where it writes none."""
    text = read_committed(commit, paths.METRICS / f"{stage}.json")
    numbers = json.loads(text) if text is not None else {}
    return {f"{stage}.{key}": value for key, value in numbers.items() if isinstance(value, int | float)}
