"""What a training will take, by formula: parameters, memory of each device, FLOPs, hours.

In: the model's shape, the `train` section, counts of the data. Out: figures, and why something cannot fit. Pure but for
`shape_of`, which builds the model without its weights to count them.

Sources: FLOPs per token 6 N + attention (Kaplan et al. 2020, arXiv 2001.08361; Chowdhery et al. 2022, arXiv 2204.02311,
appendix B); bytes of weights, gradients and Adam's states, and ZeRO's shares of them (Rajbhandari et al. 2020, arXiv
1910.02054); activations (Korthikanti et al. 2022, arXiv 2205.05198).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wizardcoder.core.console import StageError
from wizardcoder.core.disk import GB
from wizardcoder.training.devices import Hardware
from wizardcoder.training.settings import TrainParams

# ours: the share of the peak that is reckoned with, for lack of a measurement; metrics/train.json has what it was
ASSUMED_MFU_GPU = 0.40
ASSUMED_MFU_CPU = 0.60
ZERO_LIVE_PARAMETERS = 1e9  # DeepSpeed's default of stage3_max_live_parameters
ACTIVATION_BYTES = 34  # of a layer, position and hidden value, at 16 bits, without the attention's scores


@dataclass(frozen=True, slots=True)
class Shape:
    """A model's sizes; `embedding` counts the input embedding where the output does not share it."""

    architecture: str
    parameters: int
    embedding: int
    layers: int
    hidden: int
    positions: int | None
    encoder_decoder: bool

    @property
    def multiplied(self) -> int:
        """The parameters that every token is multiplied with: a lookup is none."""
        return self.parameters - self.embedding


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained on in all: steps, and tokens in records of a mean length (weighted by tokens)."""

    steps: int
    tokens: float
    mean_length: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one process: on its device, and on its host for what DeepSpeed keeps there."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    host: float

    @property
    def states(self) -> float:
        """What must fit whatever the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> float:
        """All of it."""
        return self.states + self.activations


@dataclass(frozen=True, slots=True)
class Zero:
    """What DeepSpeed's configuration says of memory: its stage, and what it keeps on the host."""

    stage: int = 0
    offload_optimizer: bool = False
    offload_parameters: bool = False


def shape_of(base: Path) -> Shape:
    """Read a model's sizes from its config.json; its parameters are counted on a model without weights."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = AutoConfig.from_pretrained(base)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    text = config.get_text_config()
    tied = model.get_output_embeddings() is None or bool(config.tie_word_embeddings)
    layers = text.num_hidden_layers * (2 if config.is_encoder_decoder else 1)
    return Shape(
        architecture=type(model).__name__,
        parameters=sum(p.numel() for p in model.parameters()),
        embedding=0 if tied else model.get_input_embeddings().weight.numel(),
        layers=layers,
        hidden=text.hidden_size,
        positions=getattr(text, "max_position_embeddings", None),
        encoder_decoder=bool(config.is_encoder_decoder),
    )


def flops_of(shape: Shape, tokens: float, mean_length: float) -> float:
    """Give the FLOPs of forward and backward passes over `tokens`.

    6 N for what the weights multiply; 6 L h s for attention, half of the 12 L h s of full attention, since a token
    sees those before it only. Recomputed activations are not counted: MFU asks for useful work. A token of an
    encoder-decoder passes one of the halves, taken for equal.
    """
    passed = 0.5 if shape.encoder_decoder else 1.0
    return tokens * passed * (6 * shape.multiplied + 6 * shape.layers * shape.hidden * mean_length)


def memory_of(shape: Shape, params: TrainParams, zero: Zero) -> Memory:
    """Give the bytes that one process needs, with rows of `train.max_tokens`."""
    wide = 4 if params.precision == "fp32" else 2
    rows = float(params.micro_batch_size * params.max_tokens)
    activations = _activations(shape, params, rows, wide)
    n = float(shape.parameters)
    if params.lora.rank:
        trained = n * min(1.0, 2 * params.lora.rank / shape.hidden)
        frozen = 0.55 if params.lora.load_in_4bit else wide  # 4 bits, and the blocks' scales
        return Memory(n * frozen + 4 * trained, 4 * trained, 8 * trained, activations, 0.0)
    if params.deepspeed is None:
        # torch's autocast: 32-bit weights, and their 16-bit copies while a batch is computed
        return Memory(n * (4 if wide == 4 else 6), 4 * n, 8 * n, activations, 0.0)
    weights, gradients = n * wide, n * wide
    optimizer = n * (8 if wide == 4 else 12)  # with the 32-bit copy of the weights
    shares = params.processes
    optimizer /= shares if zero.stage >= 1 else 1
    gradients /= shares if zero.stage >= 2 else 1
    weights /= shares if zero.stage >= 3 else 1
    live = min(n, ZERO_LIVE_PARAMETERS) * wide if zero.stage >= 3 else 0.0
    host = 0.0
    if zero.offload_optimizer:
        host += optimizer
        optimizer = 0.0
    if zero.offload_parameters:
        host += weights
        weights = 0.0
    return Memory(weights + live, gradients, optimizer, activations, host)


def assumed_mfu(hardware: Hardware) -> float:
    """Give the share of the peak that an estimate reckons with."""
    return ASSUMED_MFU_GPU if hardware.gpu else ASSUMED_MFU_CPU


def hours_of(shape: Shape, work: Work, params: TrainParams, hardware: Hardware) -> float | None:
    """Estimate the hours; recomputed activations (gradient checkpointing) cost another forward pass."""
    if hardware.peak_flops is None:
        return None
    again = 4 / 3 if params.gradient_checkpointing else 1.0
    together = params.processes if hardware.gpu else 1  # processes share a CPU's cores
    speed = hardware.peak_flops * assumed_mfu(hardware) * together
    return flops_of(shape, work.tokens, work.mean_length) * again / speed / 3600


def refusal(memory: Memory, together: int, hardware: Hardware) -> str | None:
    """Say why the training cannot fit, or None; `together` processes share a machine.

    The activations, an estimate, refuse nothing.
    """
    share = 1 if hardware.gpu else together  # processes share a CPU's memory
    if memory.states * share > hardware.memory:
        return (
            f"weights, gradients and optimizer need {memory.states * share / GB:.1f} GB, "
            f"{'one ' if hardware.gpu else 'the machine of this '}{hardware.name} has {hardware.memory / GB:.1f} GB; "
            "set train.deepspeed: zero3 with more train.processes, zero3_offload, or train.lora.rank"
        )
    if memory.host * together > hardware.host_memory:
        return (
            f"what DeepSpeed keeps on a host for its {together} processes needs {memory.host * together / GB:.1f} GB, "
            f"it has {hardware.host_memory / GB:.1f} GB; use more machines (runtime.train.hostfile), or train.lora.rank"
        )
    return None


def check_positions(shape: Shape, params: TrainParams) -> None:
    """Refuse rows longer than the positions that the model knows."""
    if shape.positions is not None and params.max_tokens > shape.positions and not shape.encoder_decoder:
        raise StageError(
            f"params.yaml: train.max_tokens: found {params.max_tokens}, accepted: at most {shape.positions}, "
            "the base model's positions"
        )


def _activations(shape: Shape, params: TrainParams, rows: float, wide: int) -> float:
    """Give the bytes kept for the backward pass: all layers', or with checkpointing their inputs and one layer's."""
    one_layer = ACTIVATION_BYTES * rows * shape.hidden * wide / 2
    if params.gradient_checkpointing:
        return shape.layers * rows * shape.hidden * wide + one_layer
    return shape.layers * one_layer
