"""The report's sections about the run itself: training, cost and time, and which stage made which data.

In: metrics, the loss curve, dvc.lock. Out: sections.
"""

from __future__ import annotations

from wizardcoder.lineage.lock import LockedFile, StageOverview
from wizardcoder.report.metrics_files import STAGES
from wizardcoder.report.pages.numbers import format_size
from wizardcoder.report.pages.svg import GraphNode, Line, chart, graph
from wizardcoder.report.parts import Cell, Figure, Section, Table, without_empty
from wizardcoder.report.run_files import RunFiles, csv_number

COST_COLUMNS = {  # metric: heading
    "requests": "requests",
    "cache_hits": "cached answers",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "cost": "cost",
    "paid": "paid",
    "seconds": "seconds",
}
_NOT_LOSSES = ("step", "lr", "epoch")


def training_section(files: RunFiles) -> Section:
    """Show the loss curve; every column of loss.csv except step, learning rate and epoch is a line."""
    names = [name for name in (files.loss[0] if files.loss else {}) if name not in _NOT_LOSSES]
    lines = [_loss_line(name, files) for name in names]
    drawn = chart(lines, "step", "loss", f"Loss by training step: {_ends(lines)}")
    figures = [Figure("Loss by step", drawn)] if drawn else []
    rows: list[tuple[Cell, ...]] = [
        (key.replace("_", " "), value) for key, value in sorted(files.stage("train").items())
    ]
    curve: list[tuple[Cell, ...]] = [tuple(csv_number(row, name) for name in ("step", *names)) for row in files.loss]
    tables = [
        Table("Training metrics", ("metric", "value"), rows),
        Table("Loss by step, as a table", ("step", *names), curve, folded=True),
    ]
    intro = "Losses are mean cross-entropy, in nats per token."
    return Section("training", "Training", intro, without_empty(tables), figures)


def cost_section(files: RunFiles) -> Section:
    """Show each stage's requests, cost and time, as far as its metrics contain them."""
    metrics = {stage: files.stage(stage) for stage in STAGES}
    keys = [key for key in COST_COLUMNS if any(key in of_stage for of_stage in metrics.values())]
    rows: list[tuple[Cell, ...]] = [
        (stage, *(of_stage.get(key) for key in keys))
        for stage, of_stage in metrics.items()
        if any(key in of_stage for key in keys)
    ]
    if len(rows) > 1:
        sums = [sum(of_stage.get(key, 0) for of_stage in metrics.values()) for key in keys]
        rows.append(("total", *(float(f"{total:.6g}") if isinstance(total, float) else total for total in sums)))
    intro = (
        "Cost is the price of all answers that a stage used, at runtime.teacher.price. Paid is the price of the new "
        "ones: an answer in the store is not requested again. Seconds are those of the stage's last run."
    )
    table = Table("By stage", ("stage", *(COST_COLUMNS[key] for key in keys)), rows)
    return Section("cost", "Cost and time", intro, [table] if rows else [])


def lineage_section(stages: list[StageOverview]) -> Section:
    """Show which stage made which data from which inputs, as dvc.lock records it."""
    if not stages:
        return Section("lineage", "Lineage", "")
    nodes = [GraphNode(stage.name, _main_out(stage), stage.needs) for stage in stages]
    edges = sum(len(node.needs) for node in nodes)
    alternative = f"{len(nodes)} stages from first to last, {edges} arcs between them; the table below lists them."
    figure = Figure("An arc leads from a stage to each stage that reads its outputs", graph(nodes, alternative))
    made: list[tuple[Cell, ...]] = [
        (item.path, stage.name, format_size(item.size), _short_hash(item), ", ".join(stage.needs) or "-")
        for stage in stages
        for item in stage.outs
    ]
    given: dict[str, tuple[Cell, ...]] = {
        item.path: (item.path, f"(input of {stage.name})", format_size(item.size), _short_hash(item), "-")
        for stage in stages
        for item in stage.sources
    }
    head = ("data", "made by", "size", "hash", "from the outputs of")
    intro = "Files and folders with DVC's hash, as dvc.lock recorded them when their stage last ran."
    table = Table("Data, sizes and hashes", head, [*given.values(), *made], folded=True)
    return Section("lineage", "Lineage", intro, [table], [figure])


def _loss_line(name: str, files: RunFiles) -> Line:
    points = [(csv_number(row, "step"), csv_number(row, name)) for row in files.loss]
    return Line(name.replace("_", " "), tuple((x, y) for x, y in points if x is not None and y is not None))


def _ends(lines: list[Line]) -> str:
    return "; ".join(
        f"{line.name} from {line.points[0][1]:.3g} to {line.points[-1][1]:.3g}" for line in lines if line.points
    )


def _main_out(stage: StageOverview) -> str:
    out = next(iter(stage.outs), None)
    return f"{out.path}  {format_size(out.size)}  {_short_hash(out)}" if out else ""


def _short_hash(item: LockedFile) -> str:
    return item.md5[:7] or "-"
