"""The `train` section of params.yaml, and what contradicts itself in it.

In: the section, how many records there are, which devices are present. Out: sizes that follow from it (gradient
accumulation, steps), or a StageError that names the key.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import (
    PART,
    STRICT,
    AtLeastOne,
    Count,
    Fraction,
    NotNegative,
    Positive,
    Text,
)
from wizardcoder.training.devices import Hardware

Decay = Annotated[float, Field(ge=0, lt=1)]
Precision = Literal["bf16", "fp16", "fp32"]
SLOT = "{instruction}"


@dataclass(frozen=True, slots=True, config=STRICT)
class LoraParams:
    """Low-rank adapters beside frozen weights (LoRA), or beside 4-bit ones (QLoRA); off where `rank` is 0."""

    rank: Count
    alpha: AtLeastOne
    dropout: Fraction
    load_in_4bit: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainRuntime:
    """`runtime.train`: where the processes run, and how often a checkpoint is written; the weights stay the same."""

    hostfile: Text | None
    checkpoint_minutes: NotNegative


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainParams:
    """The `train` section. One step takes `batch_size` records, each process `micro_batch_size` at a time."""

    seed: int
    prompt: Text
    max_tokens: AtLeastOne
    too_long: Literal["cut", "drop"]
    held_out: Count
    batch_size: AtLeastOne
    micro_batch_size: AtLeastOne
    packing: Literal["auto", "always", "never"]
    epochs: Positive
    max_steps: AtLeastOne | None
    max_minutes: Positive | None
    lr: Positive
    warmup_steps: Count
    schedule: Literal["cosine", "linear", "constant_with_warmup"]
    weight_decay: NotNegative
    max_grad_norm: NotNegative
    adam_beta1: Decay
    adam_beta2: Decay
    adam_epsilon: Positive
    precision: Precision
    gradient_checkpointing: bool
    attention: Literal["auto", "sdpa", "flash_attention_2", "eager"]
    liger_kernels: bool
    compile: bool
    lora: LoraParams
    processes: AtLeastOne
    deepspeed: Text | None
    runtime: TrainRuntime

    @property
    def distributed(self) -> bool:
        """Whether a launcher is needed: several processes, or DeepSpeed, which needs its environment even for one."""
        return self.processes > 1 or self.deepspeed is not None

    def determining(self, *, packed: bool) -> dict[str, Any]:
        """Give what determines the weights after n steps: a checkpoint fits a run in which all of it is the same.

        What only trades speed for memory is not among it: a run that met its GPU's limit goes on with less. The
        weights then differ by rounding alone, save for dropout, which is drawn anew, and that the short last step of a
        pass repeats records where it has fewer than micro-batches. Packed, the rows of a step are a multiple of the
        micro-batch, so it is among it.
        """
        free = {"runtime", "max_minutes", "gradient_checkpointing"}
        free |= set() if packed else {"micro_batch_size"}
        return {key: value for key, value in asdict(self).items() if key not in free}


@dataclass(frozen=True, slots=True, config=PART)
class Source:
    """Of another stage's section only where its material comes from."""

    source: Text


def check(params: TrainParams) -> None:
    """Refuse values that contradict each other."""
    at_once = params.micro_batch_size * params.processes
    if params.batch_size % at_once:
        each = f", {params.processes} processes at a time" if params.processes > 1 else ""
        raise StageError(
            f"params.yaml: train.micro_batch_size: found {params.micro_batch_size}{each}, "
            f"accepted: a divisor of train.batch_size, {params.batch_size}"
        )
    if params.lora.load_in_4bit and not params.lora.rank:
        raise StageError("params.yaml: train.lora.rank: found 0, accepted with train.lora.load_in_4bit: 1 or more")
    if params.lora.rank and params.distributed:
        raise StageError(
            f"params.yaml: train.lora.rank: found {params.lora.rank}, accepted: 0 with train.processes above 1 or "
            "train.deepspeed; adapters are for one GPU"
        )
    if SLOT not in params.prompt:
        raise StageError(
            f"params.yaml: train.prompt: no {SLOT} in it, accepted: a frame with {SLOT} in the record's place"
        )
    if params.runtime.hostfile and params.deepspeed is None:
        raise StageError(
            "params.yaml: runtime.train.hostfile: several nodes are started by DeepSpeed: set train.deepspeed"
        )


def accumulation(params: TrainParams, records: int, rows: int) -> int:
    """Give the micro-batches that each process adds up in a step.

    Packed, a row holds several records: `batch_size` then counts records still, on average.
    """
    rows_a_step = params.batch_size * rows / records
    return max(1, round(rows_a_step / (params.micro_batch_size * params.processes)))


def steps_of(params: TrainParams, records: int) -> int:
    """Give the number of optimizer steps."""
    return params.max_steps or max(1, round(params.epochs * math.ceil(records / params.batch_size)))


def check_devices(params: TrainParams, machine: Hardware) -> None:
    """Refuse what a machine has no devices for; those of a hostfile are not looked at."""
    what = "GPUs" if machine.gpu else "CPU cores"
    if params.runtime.hostfile is None and params.processes > machine.devices:
        raise StageError(
            f"params.yaml: train.processes: found {params.processes}, accepted: at most {machine.devices}, the {what}"
        )
    needs = {
        "precision": params.precision == "fp16",
        "attention": params.attention == "flash_attention_2",
        "liger_kernels": params.liger_kernels,
        "lora.load_in_4bit": params.lora.load_in_4bit,
    }
    if not machine.gpu and (key := next((key for key, value in needs.items() if value), None)):
        found: Any = params
        for part in key.split("."):
            found = getattr(found, part)
        raise StageError(f"params.yaml: train.{key}: found {found!r}, which needs a GPU; none is here")
