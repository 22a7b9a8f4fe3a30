"""The report's sections of data: how the set grew, what was rejected and why, how complex and how alike it is.

In: the metrics of the data stages and the tables of analyze. Out: sections.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from wizardcoder.report.facts import ROUNDS, Facts, Metrics, Row, number
from wizardcoder.report.pages.svg import Line, bar, chart, interval
from wizardcoder.report.parts import Cell, Figure, Section, Table, share, span
from wizardcoder.statistics.significance import wilson

CHARTS = {  # measures of analyze that share a scale
    "Length": (("instruction_tokens", "response_tokens"), "tokens"),
    "Complexity": (("requirements", "cyclomatic", "nesting"), "count"),
    "Similarity of instructions": (("to_parent", "to_seed", "nearest_in_round", "nearest_in_round_before"), "cosine"),
}


def growth_section(facts: Facts) -> Section:
    """Tell attempts and acceptances of each round, and how many samples are left after each later stage."""
    seed, merge = facts.of("seed"), facts.of("merge")
    rounds = [("r0, the seed", int(seed.get("read", 0)), int(seed.get("kept", 0)))] + [
        (f"r{n}", int(m.get("attempted", 0)), int(m.get("accepted", 0))) for n, m in _rounds(facts)
    ]
    most = max((attempted for _, attempted, _ in rounds), default=0)
    rows: list[tuple[Cell, ...]] = []
    total = 0
    for n, (name, attempted, accepted) in enumerate(rounds):
        total += accepted
        rows.append(
            (name, attempted, accepted, bar((accepted, attempted - accepted), most), total, merge.get(f"kept.r{n}"))
        )
    head = ("round", "attempted", "accepted", "accepted of attempted", "accepted so far", "merged")
    left = Table("What is left after each stage", ("stage", "samples", "share of all accepted"), [])
    for stage, count in _left(facts, total):
        left.rows.append((stage, count, bar((count, total - count), total)))
    intro = "A lineage whose evolution was rejected goes back to the pool and is tried again in the next round."
    return Section("growth", "Growth", intro, [Table("By round", head, rows), left])


def rejections_section(facts: Facts) -> Section:
    """Tell rejections by reason and round, and how each heuristic fared."""
    by_round = {0: _counts(facts.of("seed"), "rejected.")} | {n: _counts(m, "rejected.") for n, m in _rounds(facts)}
    totals = sum(by_round.values(), Counter())
    most = max(totals.values(), default=0)
    rows: list[tuple[Cell, ...]] = [
        (reason, *(counts[reason] for counts in by_round.values()), total, bar((total,), most))
        for reason, total in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    ]
    head = ("reason", "r0", "r1", "r2", "r3", "r4", "all", "all, to scale")
    tables = [Table("Rejected, by reason and round", head, rows), _heuristics(facts), _dropped(facts)]
    return Section("rejections", "Rejections", "Nothing is dropped silently: each has its reason.", _filled(tables))


def measures_section(facts: Facts) -> Section:
    """Tell the measures that analyze took of each round."""
    means = {(row.get("measure", ""), row.get("round", "")): row for row in facts.measures}
    rounds = sorted({row.get("round", "") for row in facts.measures})
    figures = [
        Figure(f"{title}, mean by round", drawn)
        for title, (names, unit) in CHARTS.items()
        if (drawn := chart([_line(name, facts.measures) for name in names], "round", unit, f"{title} by round"))
    ]
    rows: list[tuple[Cell, ...]] = [
        (name.replace("_", " "), *(_spread(means.get((name, n))) for n in rounds))
        for name in sorted({name for name, _ in means})
    ]
    rows += _shares(facts.of("analyze"), rounds)
    head = ("measure", *(f"r{n}" for n in rounds))
    mix = [_mix(facts.mix, kind) for kind in ("language", "verdict", "flag")]
    tables = [Table("Mean, and the middle half of the records", head, rows, folded=bool(figures)), *mix]
    intro = "Measured by the stage analyze on a draw of each round's accepted samples."
    return Section("measures", "Complexity and similarity", intro, _filled(tables), figures)


def _rounds(facts: Facts) -> Iterable[tuple[int, Metrics]]:
    return [(n, facts.of(f"evolve_r{n}")) for n in ROUNDS]


def _counts(metrics: Metrics, prefix: str) -> Counter[str]:
    return Counter({key.removeprefix(prefix): int(n) for key, n in metrics.items() if key.startswith(prefix)})


def _left(facts: Facts, accepted: int) -> list[tuple[str, int]]:
    stages = (("screen", "kept"), ("merge", "kept"), ("decontaminate", "kept"), ("train", "examples"))
    known = [(stage, facts.of(stage).get(key)) for stage, key in stages]
    return [("evolve", accepted), *((stage, int(count)) for stage, count in known if count is not None)]


def _heuristics(facts: Facts) -> Table:
    """Give each heuristic's acceptance over all rounds, with its interval, and its most frequent reason."""
    totals = sum((_counts(m, "heuristic.") for _, m in _rounds(facts)), Counter())
    names = sorted({key.split(".", 1)[0] for key in totals})
    rows: list[tuple[Cell, ...]] = []
    for name in names:
        accepted = totals[f"{name}.accepted"]
        reasons = {key.split(".rejected.")[1]: n for key, n in totals.items() if key.startswith(f"{name}.rejected.")}
        tried = accepted + sum(reasons.values())
        sure = wilson(accepted, tried)
        worst = max(sorted(reasons), key=lambda reason: reasons[reason], default="")
        picture = interval(accepted / tried, sure.low, sure.high)
        rows.append((name, tried, share(accepted / tried), span(sure.low, sure.high), picture, worst))
    head = ("heuristic", "attempted", "accepted", "95 % interval", "0 to 100 %", "most frequent rejection")
    return Table("Acceptance by heuristic, rounds 1 to 4 together", head, rows)


def _dropped(facts: Facts) -> Table:
    """Give what the stages after the rounds took out."""
    found: list[tuple[Cell, ...]] = [
        (stage, key.removeprefix(prefix), int(n))
        for stage, prefix in (("screen", "dropped."), ("merge", "removed."), ("decontaminate", "excluded."))
        for key, n in sorted(facts.of(stage).items())
        if key.startswith(prefix) and isinstance(n, int)
    ]
    kept_out = {"held out": "examples_held_out", "too long": "examples_dropped"}
    found += [("train", told, n) for told, key in kept_out.items() if (n := facts.of("train").get(key))]
    return Table("Taken out after the rounds", ("stage", "reason", "samples"), found)


def _line(name: str, rows: Sequence[Row]) -> Line:
    points = [(number(row, "round"), number(row, "mean")) for row in rows if row.get("measure") == name]
    return Line(name.replace("_", " "), tuple((x, y) for x, y in points if x is not None and y is not None))


def _spread(row: Row | None) -> Cell:
    found = [number(row, name) for name in ("mean", "q1", "q3")] if row else [None]
    if None in found:
        return None
    mean, low, high = (f"{value:.3g}" for value in found if value is not None)
    return f"{mean} ({low} to {high})"


def _shares(metrics: Metrics, rounds: Sequence[str]) -> list[tuple[Cell, ...]]:
    """Give what analyze knows of a round as a whole: how varied it is, how near it comes to a benchmark."""
    found = (key.split(".", 1)[1] for key in metrics if re.match(r"r\d+\.(distinct_|reached\.)", key))
    return [(name.replace("_", " "), *(metrics.get(f"r{n}.{name}") for n in rounds)) for name in dict.fromkeys(found)]


def _mix(rows: Sequence[Row], kind: str) -> Table:
    own = [row for row in rows if row.get("kind") == kind]
    rounds = sorted({row.get("round", "") for row in own})
    counts = {(row.get("name", ""), row.get("round", "")): int(number(row, "count") or 0) for row in own}
    names = sorted(
        {name for name, _ in counts}, key=lambda name: (-sum(counts.get((name, n), 0) for n in rounds), name)
    )
    found: list[tuple[Cell, ...]] = [(name, *(counts.get((name, n), 0) for n in rounds)) for name in names]
    return Table(f"Accepted samples by {kind}", (kind, *(f"r{n}" for n in rounds)), found)


def _filled(tables: Iterable[Table]) -> list[Table]:
    return [table for table in tables if table.rows]
