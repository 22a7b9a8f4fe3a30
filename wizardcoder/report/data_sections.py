"""The report's sections about data: growth of the set, rejections and their reasons, complexity and similarity.

In: the metrics of the data stages and the tables of analyze. Out: sections.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from wizardcoder.core import paths
from wizardcoder.report.metrics_files import Metrics
from wizardcoder.report.pages.numbers import format_percent, format_percent_range
from wizardcoder.report.pages.svg import Line, bar, chart, interval
from wizardcoder.report.parts import Cell, Figure, Section, Table, without_empty
from wizardcoder.report.run_files import CsvRow, RunFiles, csv_number
from wizardcoder.statistics.intervals import wilson_interval

CHARTS = {  # measures of analyze that share a scale
    "Length": (("instruction_tokens", "response_tokens"), "tokens"),
    "Complexity": (("requirements", "cyclomatic", "nesting"), "count"),
    "Similarity of instructions": (("to_parent", "to_seed", "nearest_in_round", "nearest_in_round_before"), "cosine"),
}


def growth_section(files: RunFiles) -> Section:
    """Show attempted and accepted records of each round, and how many remain after each later stage."""
    seed, merge = files.stage("seed"), files.stage("merge")
    rounds = [("r0 (seed)", int(seed.get("read", 0)), int(seed.get("kept", 0)))] + [
        (f"r{n}", int(m.get("attempted", 0)), int(m.get("accepted", 0))) for n, m in _rounds(files)
    ]
    most = max((attempted for _, attempted, _ in rounds), default=0)
    rows: list[tuple[Cell, ...]] = []
    total = 0
    for n, (name, attempted, accepted) in enumerate(rounds):
        total += accepted
        rows.append(
            (name, attempted, accepted, bar((accepted, attempted - accepted), most), total, merge.get(f"kept.r{n}"))
        )
    head = ("round", "attempted", "accepted", "accepted of attempted", "accepted in total", "merged")
    remaining = Table("Records that remain after each stage", ("stage", "records", "share of all accepted"), [])
    for stage, count in _remaining(files, total):
        remaining.rows.append((stage, count, bar((count, total - count), total)))
    intro = "If an evolution is rejected, the next round evolves the same instruction again."
    return Section("growth", "Growth", intro, [Table("By round", head, rows), remaining])


def rejections_section(files: RunFiles) -> Section:
    """Show rejections by reason and round, and the acceptance rate of each heuristic."""
    by_round = {0: _counts(files.stage("seed"), "rejected.")} | {n: _counts(m, "rejected.") for n, m in _rounds(files)}
    totals = sum(by_round.values(), Counter())
    most = max(totals.values(), default=0)
    rows: list[tuple[Cell, ...]] = [
        (reason, *(counts[reason] for counts in by_round.values()), total, bar((total,), most))
        for reason, total in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]
    head = ("reason", "r0", "r1", "r2", "r3", "r4", "all", "all rounds")
    tables = [
        Table("Rejected records by reason and round", head, rows),
        _heuristics_table(files),
        _removals_table(files),
    ]
    intro = "Every rejected record is kept in a file, with the reason."
    return Section("rejections", "Rejections", intro, without_empty(tables))


def measures_section(files: RunFiles) -> Section:
    """Show what the stage analyze measured in each round."""
    means = {(row.get("measure", ""), row.get("round", "")): row for row in files.measures}
    rounds = sorted({row.get("round", "") for row in files.measures})
    figures = [
        Figure(f"{title}, mean by round", drawn)
        for title, (names, unit) in CHARTS.items()
        if (drawn := chart([_mean_line(name, files.measures) for name in names], "round", unit, f"{title} by round"))
    ]
    rows: list[tuple[Cell, ...]] = [
        (name.replace("_", " "), *(_mean_and_quartiles(means.get((name, n))) for n in rounds))
        for name in sorted({name for name, _ in means})
    ]
    rows += _whole_round_rows(files.stage("analyze"), rounds)
    head = ("measure", *(f"r{n}" for n in rounds))
    mix = [_mix_table(files.mix, kind) for kind in ("language", "verdict", "flag")]
    tables = [Table("Mean (lower to upper quartile)", head, rows, folded=bool(figures)), *mix]
    intro = "Measured on a random sample of the accepted records of each round."
    return Section("measures", "Complexity and similarity", intro, without_empty(tables), figures)


def _rounds(files: RunFiles) -> Iterable[tuple[int, Metrics]]:
    return [(n, files.stage(f"evolve_r{n}")) for n in paths.EVOLVED_ROUNDS]


def _counts(metrics: Metrics, prefix: str) -> Counter[str]:
    return Counter({key.removeprefix(prefix): int(n) for key, n in metrics.items() if key.startswith(prefix)})


def _remaining(files: RunFiles, accepted: int) -> list[tuple[str, int]]:
    stages = (("screen", "kept"), ("merge", "kept"), ("decontaminate", "kept"), ("train", "examples"))
    known = [(stage, files.stage(stage).get(key)) for stage, key in stages]
    return [("evolve", accepted), *((stage, int(count)) for stage, count in known if count is not None)]


def _heuristics_table(files: RunFiles) -> Table:
    """Show each heuristic's acceptance rate over all rounds, its interval, and its most frequent rejection."""
    totals = sum((_counts(m, "heuristic.") for _, m in _rounds(files)), Counter())
    rows: list[tuple[Cell, ...]] = []
    for name in sorted({key.split(".", 1)[0] for key in totals}):
        accepted = totals[f"{name}.accepted"]
        reasons = {key.split(".rejected.")[1]: n for key, n in totals.items() if key.startswith(f"{name}.rejected.")}
        attempted = accepted + sum(reasons.values())
        ci = wilson_interval(accepted, attempted)
        most_frequent = max(sorted(reasons), key=lambda reason: reasons[reason], default="")
        drawing = interval(accepted / attempted, ci.low, ci.high)
        share = format_percent(accepted / attempted)
        rows.append((name, attempted, share, format_percent_range(ci.low, ci.high), drawing, most_frequent))
    head = ("heuristic", "attempted", "accepted", "95 % interval", "0 to 100 %", "most frequent rejection")
    return Table("Acceptance by heuristic, rounds 1 to 4 together", head, rows)


def _removals_table(files: RunFiles) -> Table:
    """Show what the stages after the rounds removed; a reason that removed nothing has no row."""
    rows: list[tuple[Cell, ...]] = []
    for stage, prefix in (("screen", "dropped."), ("merge", "removed.")):
        rows += [(stage, reason, n) for reason, n in sorted(_counts(files.stage(stage), prefix).items()) if n]
    rows += _exclusion_rows(files.stage("decontaminate"))
    train = files.stage("train")
    reasons = (("held out to measure the loss", "examples_held_out"), ("too long", "examples_dropped"))
    rows += [("train", reason, n) for reason, key in reasons if (n := train.get(key))]
    return Table("Removed after the rounds", ("stage", "reason", "records"), rows)


def _exclusion_rows(metrics: Metrics) -> Iterator[tuple[Cell, ...]]:
    """Count a record once per benchmark; the judges that found it share a row, since several may find the same."""
    counts = _counts(metrics, "excluded.")
    for benchmark in sorted(key for key in counts if "." not in key and counts[key]):
        judges = {key.removeprefix(f"{benchmark}."): n for key, n in counts.items() if key.startswith(f"{benchmark}.")}
        found_by = ", ".join(f"{judge} {n}" for judge, n in sorted(judges.items()) if n)
        reason = f"too close to {benchmark}" + (f" (found by: {found_by})" if found_by else "")
        yield "decontaminate", reason, counts[benchmark]


def _mean_line(name: str, rows: Sequence[CsvRow]) -> Line:
    points = [(csv_number(row, "round"), csv_number(row, "mean")) for row in rows if row.get("measure") == name]
    return Line(name.replace("_", " "), tuple((x, y) for x, y in points if x is not None and y is not None))


def _mean_and_quartiles(row: CsvRow | None) -> Cell:
    found = [csv_number(row, name) for name in ("mean", "q1", "q3")] if row else [None]
    if None in found:
        return None
    mean, low, high = (f"{value:.3g}" for value in found if value is not None)
    return f"{mean} ({low} to {high})"


def _whole_round_rows(metrics: Metrics, rounds: Sequence[str]) -> list[tuple[Cell, ...]]:
    """Show the measures of a round as a whole: its diversity, and its highest similarity to a benchmark."""
    found = (key.split(".", 1)[1] for key in metrics if re.match(r"r\d+\.(distinct_|reached\.)", key))
    return [(name.replace("_", " "), *(metrics.get(f"r{n}.{name}") for n in rounds)) for name in dict.fromkeys(found)]


def _mix_table(rows: Sequence[CsvRow], kind: str) -> Table:
    own = [row for row in rows if row.get("kind") == kind]
    rounds = sorted({row.get("round", "") for row in own})
    counts = {(row.get("name", ""), row.get("round", "")): int(csv_number(row, "count") or 0) for row in own}
    names = sorted(
        {name for name, _ in counts}, key=lambda name: (-sum(counts.get((name, n), 0) for n in rounds), name)
    )
    cells: list[tuple[Cell, ...]] = [(name, *(counts.get((name, n), 0) for n in rounds)) for name in names]
    return Table(f"Accepted records by {kind}", (kind, *(f"r{n}" for n in rounds)), cells)
