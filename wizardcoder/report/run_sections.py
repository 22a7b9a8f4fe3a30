"""The report's sections of the run itself: training, cost and time, and which stage made what from what.

In: metrics, the loss curve, dvc.lock. Out: sections.
"""

from __future__ import annotations

from wizardcoder.lineage.lock import File
from wizardcoder.lineage.lockfile import LockedStage
from wizardcoder.report.facts import STAGES, Facts, number
from wizardcoder.report.pages.svg import Line, Node, chart, graph
from wizardcoder.report.parts import Cell, Figure, Section, Table, size

COSTS = {
    "requests": "requests",
    "cache_hits": "known answers",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "cost": "cost",
    "paid": "paid",
    "seconds": "seconds",
}
NOT_CURVES = ("step", "lr", "epoch")
_INTRO = "Losses are mean cross-entropy in nats a token."


def training_section(facts: Facts) -> Section:
    """Tell the loss curve: every column of loss.csv but the step and the rate is a line."""
    names = [name for name in (facts.loss[0] if facts.loss else {}) if name not in NOT_CURVES]
    lines = []
    for name in names:
        points = [(number(row, "step"), number(row, name)) for row in facts.loss]
        lines.append(Line(name, tuple((x, y) for x, y in points if x is not None and y is not None)))
    drawn = chart(lines, "step", "loss", f"Loss by training step: {_ends(lines)}")
    figures = [Figure("Loss by step", drawn)] if drawn else []
    rows: list[tuple[Cell, ...]] = [(key.replace("_", " "), value) for key, value in sorted(facts.of("train").items())]
    curve: list[tuple[Cell, ...]] = [tuple(number(row, name) for name in ("step", *names)) for row in facts.loss]
    tables = [
        Table("Training", ("what", "value"), rows),
        Table("The curve in numbers", ("step", *names), curve, folded=True),
    ]
    return Section("training", "Training", _INTRO, [table for table in tables if table.rows], figures)


def cost_section(facts: Facts) -> Section:
    """Tell what each stage asked, paid and took, as far as its metrics say."""
    known = {stage: facts.of(stage) for stage in STAGES}
    keys = [key for key in COSTS if any(key in metrics for metrics in known.values())]
    rows: list[tuple[Cell, ...]] = [
        (stage, *(metrics.get(key) for key in keys))
        for stage, metrics in known.items()
        if any(key in metrics for key in keys)
    ]
    if len(rows) > 1:
        sums = [sum(metrics.get(key, 0) for metrics in known.values()) for key in keys]
        rows.append(("all", *(float(f"{total:.6g}") if isinstance(total, float) else total for total in sums)))
    intro = (
        "Cost: all answers of the stage at runtime.teacher.price. Paid: only those that this run asked for; an answer "
        "in the store is not asked for again. Seconds are of the run that wrote the metrics."
    )
    table = Table("By stage", ("stage", *(COSTS[key] for key in keys)), rows)
    return Section("cost", "Cost and time", intro, [table] if rows else [])


def lineage_section(stages: list[LockedStage]) -> Section:
    """Tell which stage made which data from what, as dvc.lock recorded it."""
    nodes = [Node(stage.name, _told(stage), stage.needs) for stage in stages]
    edges = sum(len(node.needs) for node in nodes)
    alternative = f"{len(nodes)} stages from first to last and {edges} arcs between them; the table below names them."
    figures = [Figure("An arc leads from a stage down to each that reads its outs", graph(nodes, alternative))]
    made: list[tuple[Cell, ...]] = [
        (item.path, stage.name, size(item.size), _digest(item), ", ".join(stage.needs) or "-")
        for stage in stages
        for item in stage.outs
    ]
    given: dict[str, tuple[Cell, ...]] = {
        item.path: (item.path, "read by " + stage.name, size(item.size), _digest(item), "-")
        for stage in stages
        for item in stage.sources
    }
    head = ("data", "made by", "size", "hash", "from the outs of")
    intro = "Files and folders with DVC's hash, as dvc.lock recorded them when their stage last ran."
    tables = [Table("Data, sizes and hashes", head, [*given.values(), *made], folded=True)]
    return Section("lineage", "Lineage", intro, tables if stages else [], figures if stages else [])


def _ends(lines: list[Line]) -> str:
    return "; ".join(
        f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}" for line in lines if line.points
    )


def _told(stage: LockedStage) -> str:
    main = next(iter(stage.outs), None)
    return f"{main.path}  {size(main.size)}  {_digest(main)}" if main else ""


def _digest(item: File) -> str:
    return item.md5[:7] or "-"
