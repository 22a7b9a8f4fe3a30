"""The report's section of earlier runs: the tuned model's pass@1 against the rounds of its training set, and tables.

In: the metrics of this run, and the runs of metrics/experiments.json. Out: a section. To change the columns, edit
RUN_COLUMNS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from wizardcoder.experiments.run_history import CommittedRun
from wizardcoder.report.metrics_files import Metrics
from wizardcoder.report.pages.numbers import format_percent, format_percent_range
from wizardcoder.report.pages.svg import Line, chart, interval
from wizardcoder.report.parts import Column, Figure, Section, Table, table_of, without_empty
from wizardcoder.report.score_section import benchmarks_of

LATEST = 10  # rows that are shown at once
# params that change which rounds are trained on, or nothing about a benchmark's score
_ROUND_KEYS = ("merge.rounds", "evolve.enabled.", "evaluate.problems.", "evaluate.held_out")
INTRO = (
    "Runs of this repository: DVC's experiments, and commits after the revision given to wizardcoder report --from. "
    "Scores are comparable only on the same problems, and a score chosen among many is too high by chance."
)


@dataclass(frozen=True, slots=True)
class RunScore:
    """The tuned model's pass@1 on one benchmark in one run; `rounds` are those of its training set."""

    run: str
    changed: str
    rounds: tuple[int, ...]
    problems: int | None
    value: float
    low: float
    high: float
    nll: float | None


RUN_COLUMNS: Sequence[Column[RunScore]] = (
    ("run", lambda score: score.run),
    ("what differs", lambda score: score.changed),
    ("problems", lambda score: score.problems),
    ("pass@1", lambda score: format_percent(score.value)),
    ("95 % interval", lambda score: format_percent_range(score.low, score.high)),
    ("0 to 100 %", lambda score: interval(score.value, score.low, score.high)),
    ("NLL", lambda score: score.nll),
)


def history_section(scores: Metrics, merge: Metrics, history: Sequence[CommittedRun]) -> Section:
    """Build the section from the metrics of evaluate and merge; without earlier runs it has no tables."""
    tables: list[Table] = []
    figures: list[Figure] = []
    for benchmark in benchmarks_of(scores):
        earlier = [run for run in reversed(history) if f"{benchmark}.pass_at_1.low" in run.metrics]
        earlier = [run for run in earlier if not _is_this_run(run, scores)]
        comparable = [
            run for run in earlier if run.metrics.get(f"{benchmark}.problems") == scores[f"{benchmark}.problems"]
        ]
        this_run = [_score("this run", "", _merged(merge), benchmark, scores)] if _scored(benchmark, scores) else []
        tables += _tables(benchmark, this_run, comparable, [run for run in earlier if run not in comparable])
        only_rounds = [
            _run_score(run, benchmark) for run in comparable if all(key.startswith(_ROUND_KEYS) for key in run.changed)
        ]
        figures += _figure(benchmark, [*this_run, *only_rounds]) if comparable else []
    return Section("runs", "Earlier runs", INTRO, without_empty(tables), figures)


def _tables(
    benchmark: str, this_run: list[RunScore], comparable: list[CommittedRun], others: list[CommittedRun]
) -> Iterator[Table]:
    """Yield the latest runs, and folded the earlier ones and those on other problems; all latest first."""
    scored = [_run_score(run, benchmark) for run in comparable]
    latest, older = scored[:LATEST], scored[LATEST:]
    title = (
        f"{benchmark}: the tuned model in the latest {len(latest)} runs"
        if older
        else f"{benchmark}: the tuned model by run"
    )
    yield table_of(title, RUN_COLUMNS, [*this_run, *latest] if latest else [])
    yield table_of(
        f"{benchmark}: {len(older)} older run{'' if len(older) == 1 else 's'}", RUN_COLUMNS, older, folded=True
    )
    yield table_of(
        f"{benchmark}: runs on other problems, not comparable with this run",
        RUN_COLUMNS,
        [_run_score(run, benchmark) for run in others],
        folded=True,
    )


def _figure(benchmark: str, scores: Iterable[RunScore]) -> list[Figure]:
    """Draw pass@1 against rounds; of several runs on the same rounds the first given counts."""
    together: dict[int, float] = {}
    alone: dict[int, float] = {}
    for score in scores:
        if not score.rounds:
            continue
        if score.rounds == tuple(range(len(score.rounds))):
            together.setdefault(score.rounds[-1], 100 * score.value)
        if len(score.rounds) == 1:
            alone.setdefault(score.rounds[0], 100 * score.value)
    lines = [Line("rounds 0 to n together", tuple(sorted(together.items())))]
    if len(alone) > 1:
        lines.append(Line("round n alone", tuple(sorted(alone.items()))))
    title = f"{benchmark}: pass@1 by rounds in the training set"
    drawn = chart(lines, "round n", "pass@1, %", title)
    return [Figure(title, drawn)] if drawn else []


def _is_this_run(run: CommittedRun, scores: Metrics) -> bool:
    """Return whether a commit holds exactly the scores of this run."""
    return run.kind == "commit" and run.metrics == {
        k: float(v) for k, v in scores.items() if isinstance(v, int | float)
    }


def _scored(benchmark: str, scores: Metrics) -> bool:
    return f"{benchmark}.pass_at_1.low" in scores


def _merged(merge: Metrics) -> tuple[int, ...]:
    return tuple(sorted(int(key.removeprefix("kept.r")) for key in merge if key.removeprefix("kept.r").isdecimal()))


def _run_score(run: CommittedRun, benchmark: str) -> RunScore:
    changed = ", ".join(f"{key}={' '.join(value.split())[:60]}" for key, value in run.changed.items())
    return _score(run.name, changed or f"commit {run.commit}", tuple(run.rounds or ()), benchmark, run.metrics)


def _score(run: str, changed: str, rounds: tuple[int, ...], benchmark: str, scores: Metrics) -> RunScore:
    key, problems = f"{benchmark}.pass_at_1", scores.get(f"{benchmark}.problems")
    return RunScore(
        run=run,
        changed=changed,
        rounds=rounds,
        problems=None if problems is None else int(problems),
        value=scores[key],
        low=scores[f"{key}.low"],
        high=scores[f"{key}.high"],
        nll=scores.get(f"{benchmark}.nll"),
    )
