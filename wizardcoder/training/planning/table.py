"""A plan as a table for people.

In: the figures of plan.py. Out: lines that rich lays out.
"""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from wizardcoder.core.disk import GB
from wizardcoder.training.devices import Hardware
from wizardcoder.training.planning import formulas
from wizardcoder.training.settings import TrainParams


def lines(
    params: TrainParams,
    shape: formulas.Shape,
    machine: Hardware,
    memory: formulas.Memory,
    work: formulas.Work | None,
    *,
    together: int,
) -> Iterator[Table]:
    """Give the table of a plan; `together` processes share a machine. Without `work` it says nothing of time."""
    table = Table("train", "", show_header=False)
    table.add_row("base", f"{shape.architecture}, {shape.parameters / 1e6:,.1f} M parameters")
    peak = f", {machine.peak_flops / 1e12:,.2f} TFLOP/s" if machine.peak_flops else ""
    table.add_row("hardware", f"{machine.devices} x {machine.name}, {machine.memory / GB:.1f} GB{peak}")
    zero = f", DeepSpeed {params.deepspeed}" if params.deepspeed else ""
    table.add_row("processes", f"{params.processes}, {params.precision}{zero}")
    table.add_row("memory of each", f"{memory.total / GB:.1f} GB: {_parts(memory)}")
    if memory.host:
        table.add_row("memory of a host", f"{memory.host * together / GB:.1f} GB, for its {together} processes")
    times = params.batch_size // (params.processes * params.micro_batch_size)
    each = f"{params.processes} x {params.micro_batch_size} at a time, {times} times"
    table.add_row("a step", f"{params.batch_size} records: {each}")
    if work is not None:
        table.add_row("steps", f"{work.steps:,}")
        table.add_row("tokens", f"{work.tokens:,.0f}")
        hours = formulas.hours_of(shape, work, params, machine)
        share = formulas.assumed_mfu(machine)
        told = "the peak is not known" if hours is None else f"{hours:,.2f}, if it reaches {share:.0%} of the peak"
        table.add_row("hours", told)
    yield table


def tight(memory: formulas.Memory) -> str:
    """Say that the activations may not fit."""
    return (
        f"tight: with its activations, an estimate, it needs {memory.total / GB:.1f} GB; lower "
        "train.micro_batch_size, or set train.gradient_checkpointing"
    )


def _parts(memory: formulas.Memory) -> str:
    parts = ("weights", "gradients", "optimizer", "activations")
    return ", ".join(f"{name} {getattr(memory, name) / GB:.1f}" for name in parts)
