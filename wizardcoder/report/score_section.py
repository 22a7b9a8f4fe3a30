"""The report's section of scores: every model of this run on every benchmark, and the gain over the base model.

In: the metrics of evaluate. Out: a section. To change a table's columns, edit SCORE_COLUMNS or GAIN_COLUMNS. Other runs
are in history_section.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wizardcoder.report.metrics_files import Metrics
from wizardcoder.report.pages.numbers import format_percent, format_percent_range
from wizardcoder.report.pages.svg import interval
from wizardcoder.report.parts import Column, Section, Table, table_of, without_empty

INTRO = (
    "Intervals are 95 % confidence intervals. With one sample per problem: Wilson's for a score, Newcombe's for a "
    "difference of paired shares. With several samples: bootstrap over problems. Judge a difference by its p-value. "
    "NLL is the mean negative log-likelihood of the reference solutions, in nats per token; lower is better."
)


@dataclass(frozen=True, slots=True)
class ModelScore:
    """A model's pass@k on a benchmark, with its interval; `nll` is None if it was not measured."""

    benchmark: str
    problems: int
    model: str
    k: int
    value: float
    low: float
    high: float
    nll: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """The tuned model's pass@1 less the base model's, as shares."""

    benchmark: str
    value: float
    low: float
    high: float
    p_value: float | None


SCORE_COLUMNS: Sequence[Column[ModelScore]] = (
    ("benchmark", lambda score: f"{score.benchmark}, {score.problems} problems"),
    ("model", lambda score: score.model),
    ("score", lambda score: f"pass@{score.k} {format_percent(score.value)}"),
    ("95 % interval", lambda score: format_percent_range(score.low, score.high)),
    ("0 to 100 %", lambda score: interval(score.value, score.low, score.high)),
    ("NLL", lambda score: score.nll),
)
GAIN_COLUMNS: Sequence[Column[Gain]] = (
    ("benchmark", lambda gain: gain.benchmark),
    ("difference in pass@1", lambda gain: f"{100 * gain.value:+.1f} points"),
    ("95 % interval", lambda gain: f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}"),
    ("-100 to 100 points", lambda gain: interval(gain.value, gain.low, gain.high, -1.0, 1.0)),
    ("p-value", lambda gain: gain.p_value),
)


def scores_section(scores: Metrics) -> Section:
    """Build the section; benchmarks are sorted by name."""
    names = benchmarks_of(scores)
    tables = (
        table_of("This run", SCORE_COLUMNS, (score for name in names for score in model_scores(name, scores))),
        table_of("Tuned model minus base model", GAIN_COLUMNS, _gains(names, scores)),
        Table(
            "Benchmarks that were not run",
            ("benchmark", "reason"),
            [
                (key.removesuffix(".not_run"), str(reason))
                for key, reason in sorted(scores.items())
                if key.endswith(".not_run")
            ],
        ),
    )
    return Section("scores", "Scores", INTRO, without_empty(tables))


def benchmarks_of(scores: Metrics) -> list[str]:
    """Return the names of the benchmarks that were scored."""
    return sorted(key.removesuffix(".problems") for key in scores if key.endswith(".problems"))


def model_scores(benchmark: str, scores: Metrics) -> Iterator[ModelScore]:
    """Yield a benchmark's scores: base first, tuned last, others between. The keys of the tuned model have no label."""
    pattern = re.compile(rf"{re.escape(benchmark)}\.(?:([A-Za-z0-9_-]+)\.)?pass_at_(\d+)")
    found = [(m[1] or "tuned", int(m[2]), key) for key in scores if (m := pattern.fullmatch(key))]
    order = {"base": 0, "tuned": 2}
    for label, k, key in sorted(found, key=lambda item: (order.get(item[0], 1), item)):
        if f"{key}.low" in scores:  # a part of a benchmark has a score without an interval
            prefix = benchmark if label == "tuned" else f"{benchmark}.{label}"
            yield ModelScore(
                benchmark=benchmark,
                problems=scores[f"{benchmark}.problems"],
                model=label,
                k=k,
                value=scores[key],
                low=scores[f"{key}.low"],
                high=scores[f"{key}.high"],
                nll=scores.get(f"{prefix}.nll") if k == 1 else None,
            )


def _gains(benchmarks: Sequence[str], scores: Metrics) -> Iterator[Gain]:
    for name in benchmarks:
        if f"{name}.gain.low" in scores:
            value, low, high = (scores[f"{name}.gain{end}"] for end in ("", ".low", ".high"))
            yield Gain(name, value, low, high, scores.get(f"{name}.gain.p_value"))
