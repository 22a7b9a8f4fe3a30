"""The report's section of scores: models of this run with their intervals, and this run among the committed ones.

In: the flat metrics of evaluate. Out: a section.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizardcoder.experiments.run_history import Experiment
from wizardcoder.report.pages.svg import interval
from wizardcoder.report.parts import Cell, Section, Table, share, span

INTRO = (
    "Intervals are of 95 %: where each problem has one sample Wilson's, of a difference Newcombe's for paired shares; "
    "bootstrap over problems where it has more. A difference is significant by its p-value. "
    "NLL is the mean negative log-likelihood of the canonical solutions in nats a token; lower is better."
)
HEAD = ("score", "95 % interval", "0 to 100 %", "NLL")
Metrics = Mapping[str, Any]


def scores_section(scores: Metrics, experiments: list[Experiment]) -> Section:
    """Give the section; benchmarks in the order of their names."""
    names = sorted(key.removesuffix(".problems") for key in scores if key.endswith(".problems"))
    models = Table("This run", ("benchmark", "model", *HEAD), [row for name in names for row in _models(name, scores)])
    gains = Table(
        "The tuned model against its base",
        ("benchmark", "difference in pass@1", "95 % interval", "-100 to 100 points", "p-value"),
        [_gain(name, scores) for name in names if f"{name}.gain.low" in scores],
    )
    not_run = Table(
        "Not run",
        ("benchmark", "why"),
        [(key.removesuffix(".not_run"), str(why)) for key, why in sorted(scores.items()) if key.endswith(".not_run")],
    )
    across = [table for name in names for table in _across(name, scores, experiments)]
    return Section("scores", "Scores", INTRO, [t for t in (models, gains, *across, not_run) if t.rows])


def _models(name: str, scores: Metrics) -> Iterator[tuple[Cell, ...]]:
    """Give a row for each model and k; the tuned model's keys carry no label."""
    pattern = re.compile(rf"{re.escape(name)}\.(?:([A-Za-z0-9_-]+)\.)?pass_at_(\d+)")
    problems = f"{name}, {scores[f'{name}.problems']} problems"
    found = [(m[1] or "tuned", int(m[2]), key) for key in scores if (m := pattern.fullmatch(key))]
    order = {"base": 0, "tuned": 2}
    for label, k, key in sorted(found, key=lambda item: (order.get(item[0], 1), item)):
        if f"{key}.low" in scores:  # a part of a benchmark has a score without an interval
            prefix = name if label == "tuned" else f"{name}.{label}"
            yield problems, label, *_score(f"pass@{k} ", key, scores), scores.get(f"{prefix}.nll") if k == 1 else None


def _score(what: str, key: str, scores: Metrics) -> tuple[Cell, Cell, Cell]:
    value, low, high = scores[key], scores[f"{key}.low"], scores[f"{key}.high"]
    return f"{what}{share(value)}", span(low, high), interval(value, low, high)


def _gain(name: str, scores: Metrics) -> tuple[Cell, ...]:
    value, low, high = (scores[f"{name}.gain{end}"] for end in ("", ".low", ".high"))
    told = f"{100 * value:+.1f} points", f"{100 * low:+.1f} to {100 * high:+.1f}"
    return name, *told, interval(value, low, high, -1.0, 1.0), scores.get(f"{name}.gain.p_value")


def _across(name: str, scores: Metrics, experiments: list[Experiment]) -> Iterator[Table]:
    """Hold this run against the committed ones; a commit that holds these very scores is this run.

    Runs that were scored on another number of problems stand apart: another set is easier or harder.
    """
    key, problems = f"{name}.pass_at_1", f"{name}.problems"
    numbers = {k: float(v) for k, v in scores.items() if isinstance(v, int | float)}
    others = [e for e in experiments if f"{key}.low" in e.metrics and (e.kind, e.metrics) != ("commit", numbers)]
    alike = [e for e in others if e.metrics.get(problems) == scores[problems]]
    own = [_run("this run", "", name, scores)] if alike and f"{key}.low" in scores else []
    head = ("run", "what differs", "problems", *HEAD)
    yield Table(f"{name}: the tuned model across runs, pass@1", head, own + [_row(name, e) for e in alike])
    apart = [_row(name, e) for e in others if e not in alike]
    told = f"{name}: runs on other problems than this run's {scores[problems]}, not to be compared with it"
    yield Table(told, head, apart, folded=True)


def _row(name: str, experiment: Experiment) -> tuple[Cell, ...]:
    return _run(experiment.name, _told(experiment), name, experiment.metrics)


def _run(run: str, differs: str, name: str, scores: Metrics) -> tuple[Cell, ...]:
    problems = scores.get(f"{name}.problems")
    count = None if problems is None else int(problems)
    return run, differs, count, *_score("", f"{name}.pass_at_1", scores), scores.get(f"{name}.nll")


def _told(experiment: Experiment) -> str:
    changed = ", ".join(f"{key}={' '.join(value.split())[:60]}" for key, value in experiment.changed.items())
    return changed or f"commit {experiment.commit}"
