"""The plan of a training: memory, steps, tokens and hours, before anything is trained.

Works without data (then every record counts as a full row), without weights (config.json is enough), and for hardware
that is not this machine's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB
from wizardcoder.core.records import Example, read_records
from wizardcoder.training import deepspeed_config, devices, hostfile
from wizardcoder.training.devices import Hardware
from wizardcoder.training.model_package import directory as model_directory
from wizardcoder.training.planning import formulas
from wizardcoder.training.planning.formulas import ProcessMemory, TrainingWork
from wizardcoder.training.planning.model_shape import ModelShape, check_positions, read_shape
from wizardcoder.training.rows import prepare_rows
from wizardcoder.training.settings import TrainParams, check, check_devices, total_steps


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a training needs; `work` is None if its steps are not known yet, and `counted` describes what it counts.

    `together` is the number of processes that share a machine.
    """

    params: TrainParams
    shape: ModelShape
    machine: Hardware
    memory: ProcessMemory
    together: int
    work: TrainingWork | None
    counted: str

    @property
    def hours(self) -> float | None:
        """The estimated hours; None if the steps or the peak speed are unknown."""
        if self.work is None:
            return None
        return formulas.hours_of(self.shape, self.work, self.params, self.machine)

    @property
    def misfit_reason(self) -> str | None:
        """Why the training cannot fit, or None."""
        return formulas.misfit_reason(self.memory, self.together, self.machine)


def plan_training(params: TrainParams, base: Path, hardware: str | None = None) -> TrainingPlan:
    """Plan the training of params.yaml.

    Args:
        params: the `train` section.
        base: a transformers directory; config.json is enough.
        hardware: such as `8xH100`; None for this machine.

    Raises:
        StageError: the settings contradict each other or the hardware, or the base model cannot be read.
    """
    check(params)
    hostfile.check_hostfile(params)
    machine = devices.parse_hardware(hardware) if hardware else devices.detect()
    check_devices(params, machine)
    shape = read_shape(base)
    check_positions(shape, params)
    work, counted = count_work(params, base, shape)
    together = hostfile.processes_per_machine(params)
    return TrainingPlan(params, shape, machine, process_memory(params, shape), together, work, counted)


def show_plan(plan: TrainingPlan) -> None:
    """Print a plan.

    Raises:
        StageError: the training cannot fit; the plan is printed before.
    """
    console.show(plan_table(plan))
    console.say(plan.counted)
    if plan.misfit_reason is not None:
        raise StageError(f"train: does not fit: {plan.misfit_reason}")
    if plan.memory.total > plan.machine.memory:
        console.say(
            f"warning: including activations, an estimate, it needs {plan.memory.total / GB:.1f} GB; lower "
            "train.micro_batch_size, or set train.gradient_checkpointing"
        )


def process_memory(params: TrainParams, shape: ModelShape) -> ProcessMemory:
    """Return the bytes that one process needs with the DeepSpeed configuration of the settings."""
    zero = deepspeed_config.zero_settings(deepspeed_config.read(params))
    return formulas.memory_of(shape, params, zero)


def count_work(
    params: TrainParams, base: Path, shape: ModelShape, source: Path = paths.TRAINING_EXAMPLES
) -> tuple[TrainingWork | None, str]:
    """Return the steps and tokens of the data, or of full rows if there is none yet, and a line that says which."""
    if not source.is_file() or not (base / "tokenizer_config.json").is_file():
        if params.max_steps is None:
            return None, f"steps unknown: train.max_steps is null, and {source} does not exist yet"
        tokens = float(params.max_steps * params.batch_size * params.max_tokens)
        return TrainingWork(
            params.max_steps, tokens, params.max_tokens
        ), "no data yet: every record counts as a full row"
    tokenizer = model_directory.load_tokenizer(base)
    examples = list(read_records(source, Example))
    rows = prepare_rows(params, examples, tokenizer, source, encoder_decoder=shape.encoder_decoder)
    records = len(rows.lengths())
    steps = total_steps(params, records)
    passes = steps / math.ceil(records / params.batch_size)  # the last step of a pass may be short
    counted = f"{records} records of {source}, {rows.cut} of them cut; {rows.dropped} dropped"
    return TrainingWork(steps, passes * sum(rows.lengths()), rows.mean_length()), counted


def plan_table(plan: TrainingPlan) -> Table:
    """Return a plan as a table."""
    params, machine, memory = plan.params, plan.machine, plan.memory
    table = Table("train", "", show_header=False)
    table.add_row("base model", f"{plan.shape.architecture}, {plan.shape.parameters / 1e6:,.1f} M parameters")
    peak = f", {machine.peak_flops / 1e12:,.2f} TFLOP/s" if machine.peak_flops else ""
    table.add_row("hardware", f"{machine.devices} x {machine.name}, {machine.memory / GB:.1f} GB{peak}")
    zero = f", DeepSpeed {params.deepspeed}" if params.deepspeed else ""
    table.add_row("processes", f"{params.processes}, {params.precision}{zero}")
    table.add_row("memory per process", f"{memory.total / GB:.1f} GB: {_parts(memory)}")
    if memory.host:
        table.add_row("memory per host", f"{memory.host * plan.together / GB:.1f} GB for {plan.together} processes")
    times = params.batch_size // (params.processes * params.micro_batch_size)
    table.add_row(
        "step", f"{params.batch_size} records: {params.processes} processes x {params.micro_batch_size} x {times} times"
    )
    if plan.work is not None:
        table.add_row("steps", f"{plan.work.steps:,}")
        table.add_row("tokens", f"{plan.work.tokens:,.0f}")
        share = formulas.assumed_mfu(machine)
        hours = "unknown peak speed" if plan.hours is None else f"{plan.hours:,.2f}, at {share:.0%} of the peak speed"
        table.add_row("hours", hours)
    return table


def _parts(memory: ProcessMemory) -> str:
    parts = ("weights", "gradients", "optimizer", "activations")
    return ", ".join(f"{name} {getattr(memory, name) / GB:.1f}" for name in parts)
