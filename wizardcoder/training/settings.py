"""The `train` section of params.yaml, and checks for settings that contradict each other or the machine.

Also computes what follows from the settings: gradient accumulation and the number of steps.
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
    """Low-rank adapters on frozen weights (LoRA), or on 4-bit weights (QLoRA); `rank` 0 switches them off."""

    rank: Count
    alpha: AtLeastOne
    dropout: Fraction
    load_in_4bit: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainRuntime:
    """`runtime.train`: the machines of a training, and the minutes between checkpoints; neither changes the weights."""

    hostfile: Text | None
    checkpoint_minutes: NotNegative


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainParams:
    """The `train` section. One step takes `batch_size` records, each process `micro_batch_size` of them at a time."""

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
        """Whether a launcher is needed: for several processes, and for DeepSpeed even with one."""
        return self.processes > 1 or self.deepspeed is not None

    def resume_settings(self, *, packed: bool) -> dict[str, Any]:
        """Return the settings in which a run must agree with a checkpoint to resume from it.

        Settings that only trade speed for memory are excluded, so that a run that ran out of GPU memory can resume
        with smaller ones. The weights then differ by rounding, by dropout (which is drawn again), and by the short last
        step of a pass, which repeats records where it has fewer than micro-batches. With packed rows
        `micro_batch_size` is included, because the rows of a step are a multiple of it.
        """
        excluded = {"runtime", "max_minutes", "gradient_checkpointing"}
        excluded |= set() if packed else {"micro_batch_size"}
        return {key: value for key, value in asdict(self).items() if key not in excluded}


@dataclass(frozen=True, slots=True, config=PART)
class SourceParams:
    """The source of another stage's section."""

    source: Text


def check(params: TrainParams) -> None:
    """Check that the settings do not contradict each other.

    Raises:
        StageError: they do; names the key.
    """
    at_once = params.micro_batch_size * params.processes
    if params.batch_size % at_once:
        each = f" in each of {params.processes} processes" if params.processes > 1 else ""
        raise StageError(
            f"params.yaml: train.micro_batch_size: found {params.micro_batch_size}{each}, "
            f"accepted: a divisor of train.batch_size ({params.batch_size})"
        )
    if params.lora.load_in_4bit and not params.lora.rank:
        raise StageError("params.yaml: train.lora.rank: found 0, accepted with train.lora.load_in_4bit: 1 or more")
    if params.lora.rank and params.distributed:
        raise StageError(
            f"params.yaml: train.lora.rank: found {params.lora.rank}, accepted: 0 with train.processes above 1 or "
            "train.deepspeed; adapters run on one GPU only"
        )
    if SLOT not in params.prompt:
        raise StageError(f"params.yaml: train.prompt: {SLOT} not found, accepted: a text that contains {SLOT}")
    if params.runtime.hostfile and params.deepspeed is None:
        raise StageError(
            "params.yaml: runtime.train.hostfile: training on several machines needs DeepSpeed: set train.deepspeed"
        )


def accumulation_steps(params: TrainParams, records: int, rows: int) -> int:
    """Return the number of micro-batches that each process accumulates per step.

    A packed row has several records; `batch_size` still counts records, on average.
    """
    rows_per_step = params.batch_size * rows / records
    return max(1, round(rows_per_step / (params.micro_batch_size * params.processes)))


def total_steps(params: TrainParams, records: int) -> int:
    """Return the number of optimizer steps."""
    return params.max_steps or max(1, round(params.epochs * math.ceil(records / params.batch_size)))


def check_devices(params: TrainParams, machine: Hardware) -> None:
    """Check that the machine has the devices that the settings ask for; those of a hostfile are not checked.

    Raises:
        StageError: it has not; names the key.
    """
    if params.runtime.hostfile is None and params.processes > machine.devices:
        kind = "GPUs" if machine.gpu else "CPU cores"
        raise StageError(
            f"params.yaml: train.processes: found {params.processes}, "
            f"accepted: at most {machine.devices}, the number of {kind}"
        )
    needs_gpu = {
        "precision": params.precision == "fp16",
        "attention": params.attention == "flash_attention_2",
        "liger_kernels": params.liger_kernels,
        "lora.load_in_4bit": params.lora.load_in_4bit,
    }
    if not machine.gpu and (key := next((key for key, value in needs_gpu.items() if value), None)):
        found: Any = params
        for part in key.split("."):
            found = getattr(found, part)
        raise StageError(f"params.yaml: train.{key}: found {found!r}, which needs a GPU; this machine has none")
