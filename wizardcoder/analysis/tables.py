"""Tables of the analysis: rows for CSV files, and flat metrics. Numbers have six significant digits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from wizardcoder.analysis.measure_rounds import Analysis
from wizardcoder.analysis.round_statistics import MeasuredExample, RoundSummary, sort_counts
from wizardcoder.core.records import write_csv

Row = dict[str, object]
ROUND_COLUMNS = (
    *("round", "attempted", "accepted", "acceptance", "total", "instruction_tokens", "response_tokens", "requirements"),
    *("cyclomatic", "maintainability", "nesting", "difficulty", "to_parent", "to_seed", "nearest_in_round"),
    *("nearest_in_round_before", "distinct_1", "distinct_2", "distinct_3"),
)
"""The columns of metrics/rounds.csv. They do not depend on which benchmarks are compared."""


def write_tables(analysis: Analysis, folder: Path) -> None:
    """Write outcomes.csv, mix.csv, measures.csv and records.csv."""
    names = sorted({name for item in analysis.measured for name in item.values})
    rounds = analysis.rounds
    write_csv(folder / "outcomes.csv", list_outcomes(rounds), ("round", "heuristic", "outcome", "count"))
    write_csv(folder / "mix.csv", list_mix(rounds), ("round", "kind", "name", "count"))
    columns = ("round", "measure", "n", "mean", "margin", "q1", "median", "q3")
    write_csv(folder / "measures.csv", list_spreads(rounds), columns)
    write_csv(folder / "records.csv", list_records(analysis.measured), ("id", "round", "heuristic", *names))


def flatten_metrics(rounds: Iterable[RoundSummary]) -> dict[str, int | float]:
    """Return counts, shares and the mean of each measure by round: `r1.accepted`, `r1.cyclomatic`."""
    metrics: dict[str, int | float] = {}
    total = 0
    for each in rounds:
        total += each.accepted
        own: dict[str, int | float] = {
            "attempted": each.attempted,
            "accepted": each.accepted,
            "rejected": each.attempted - each.accepted,
            "total": total,
            "drawn": each.drawn,
        }
        if each.attempted:
            own["acceptance"] = each.accepted / each.attempted
        own |= {name: spread.mean for name, spread in each.spreads.items()} | each.shares
        metrics |= {f"r{each.round}.{name}": value for name, value in own.items()}
    return metrics


def list_rounds(metrics: Mapping[str, int | float], rounds: Iterable[int]) -> Iterator[Row]:
    """Yield a row per round with the metrics of ROUND_COLUMNS; a measure without a value is absent."""
    for number in rounds:
        own = {name: metrics[key] for name in ROUND_COLUMNS if (key := f"r{number}.{name}") in metrics}
        yield {"round": number, **round_values(own)}


def list_outcomes(rounds: Iterable[RoundSummary]) -> Iterator[Row]:
    """Yield every count of attempts, including the seeds that were not drawn."""
    for each in rounds:
        for (heuristic, outcome), count in sorted(each.outcomes.items()):
            yield {"round": each.round, "heuristic": heuristic, "outcome": outcome, "count": count}


def list_mix(rounds: Iterable[RoundSummary]) -> Iterator[Row]:
    """Yield every count of accepted records by kind, largest first."""
    for each in rounds:
        for kind, counts in each.mix.items():
            for name, count in sort_counts(counts):
                yield {"round": each.round, "kind": kind, "name": name, "count": count}


def list_spreads(rounds: Iterable[RoundSummary]) -> Iterator[Row]:
    """Yield the spread of every measure."""
    for each in rounds:
        for name, s in sorted(each.spreads.items()):
            spread = {"n": s.n, "mean": s.mean, "margin": s.margin, "q1": s.q1, "median": s.median, "q3": s.q3}
            yield {"round": each.round, "measure": name, **round_values(spread)}


def list_records(measured: Iterable[MeasuredExample]) -> Iterator[Row]:
    """Yield the measures of each drawn record."""
    for item in measured:
        example = item.example
        yield {"id": example.id, "round": example.round, "heuristic": example.heuristic, **round_values(item.values)}


def round_values(values: Mapping[str, float]) -> Row:
    """Round values to six significant digits, as in metrics files."""
    return {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in values.items()}
