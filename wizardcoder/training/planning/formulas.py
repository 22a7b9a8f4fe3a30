"""Formulas for a training: memory per device, FLOPs, hours, and why it cannot fit.

In: the model's shape, the `train` section, token counts. Does not read files or look at the hardware.

Sources: FLOPs per token 6 N + attention (Kaplan et al. 2020, arXiv 2001.08361; Chowdhery et al. 2022, arXiv 2204.02311,
appendix B); bytes of weights, gradients and Adam's states, and how ZeRO divides them (Rajbhandari et al. 2020, arXiv
1910.02054); activations (Korthikanti et al. 2022, arXiv 2205.05198).
"""

from __future__ import annotations

from dataclasses import dataclass

from wizardcoder.core.disk import GB
from wizardcoder.training.devices import Hardware
from wizardcoder.training.planning.model_shape import ModelShape
from wizardcoder.training.settings import TrainParams

# ours: the share of the peak speed that is assumed before a measurement; metrics/train.json has the measured one
ASSUMED_MFU_GPU = 0.40
ASSUMED_MFU_CPU = 0.60
ZERO_LIVE_PARAMETERS = 1e9  # DeepSpeed's default of stage3_max_live_parameters
ACTIVATION_BYTES = 34  # of a layer, position and hidden value, at 16 bits, without the attention's scores


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """The work of a training: steps, tokens, and the mean record length (weighted by tokens)."""

    steps: int
    tokens: float
    mean_length: float


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """The bytes that one process needs: on its device, and on its host for what DeepSpeed offloads."""

    weights: float
    gradients: float
    optimizer: float
    activations: float
    host: float

    @property
    def states(self) -> float:
        """The bytes that do not depend on the batch."""
        return self.weights + self.gradients + self.optimizer

    @property
    def total(self) -> float:
        """All bytes on the device."""
        return self.states + self.activations


@dataclass(frozen=True, slots=True)
class ZeroSettings:
    """The settings of a DeepSpeed configuration that determine memory: ZeRO stage, and what is offloaded."""

    stage: int = 0
    offload_optimizer: bool = False
    offload_parameters: bool = False


def flops_of(shape: ModelShape, tokens: float, mean_length: float) -> float:
    """Return the FLOPs of the forward and backward passes over `tokens`.

    6 N per token for the weights, and 6 L h s for causal attention, half of the 12 L h s of full attention. Recomputed
    activations are not counted, because MFU counts useful work only. A token of an encoder-decoder passes one of its
    two halves, which are assumed to be equally large.
    """
    passed = 0.5 if shape.encoder_decoder else 1.0
    return tokens * passed * (6 * shape.multiplied + 6 * shape.layers * shape.hidden * mean_length)


def memory_of(shape: ModelShape, params: TrainParams, zero: ZeroSettings) -> ProcessMemory:
    """Return the bytes that one process needs, for rows of `train.max_tokens`."""
    wide = 4 if params.precision == "fp32" else 2
    rows = float(params.micro_batch_size * params.max_tokens)
    activations = _activations(shape, params, rows, wide)
    n = float(shape.parameters)
    if params.lora.rank:
        trained = n * min(1.0, 2 * params.lora.rank / shape.hidden)
        frozen = 0.55 if params.lora.load_in_4bit else wide  # 4 bits, plus a scale per block
        return ProcessMemory(n * frozen + 4 * trained, 4 * trained, 8 * trained, activations, 0.0)
    if params.deepspeed is None:
        # torch's autocast: 32-bit weights, plus 16-bit copies while a batch is computed
        return ProcessMemory(n * (4 if wide == 4 else 6), 4 * n, 8 * n, activations, 0.0)
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
    return ProcessMemory(weights + live, gradients, optimizer, activations, host)


def assumed_mfu(hardware: Hardware) -> float:
    """Return the share of the peak speed that an estimate assumes."""
    return ASSUMED_MFU_GPU if hardware.gpu else ASSUMED_MFU_CPU


def hours_of(shape: ModelShape, work: TrainingWork, params: TrainParams, hardware: Hardware) -> float | None:
    """Estimate the hours, or None if the peak speed is unknown; gradient checkpointing costs another forward pass."""
    if hardware.peak_flops is None:
        return None
    again = 4 / 3 if params.gradient_checkpointing else 1.0
    together = params.processes if hardware.gpu else 1  # processes share a CPU's cores
    speed = hardware.peak_flops * assumed_mfu(hardware) * together
    return flops_of(shape, work.tokens, work.mean_length) * again / speed / 3600


def misfit_reason(memory: ProcessMemory, together: int, hardware: Hardware) -> str | None:
    """Return why the training cannot fit, or None if it can.

    Activations are not considered, because their size is only an estimate.

    Args:
        memory: of one process.
        together: the number of processes that share a machine.
        hardware: of each machine.
    """
    share = 1 if hardware.gpu else together  # processes share a CPU's memory
    if memory.states * share > hardware.memory:
        return (
            f"weights, gradients and optimizer need {memory.states * share / GB:.1f} GB, "
            f"{f'one {hardware.name}' if hardware.gpu else 'this machine'} has {hardware.memory / GB:.1f} GB; "
            "set train.deepspeed: zero3 with more train.processes, zero3_offload, or train.lora.rank"
        )
    if memory.host * together > hardware.host_memory:
        return (
            f"DeepSpeed's offloading needs {memory.host * together / GB:.1f} GB on a host with {together} processes, "
            f"which has {hardware.host_memory / GB:.1f} GB; use more machines (runtime.train.hostfile), or "
            "train.lora.rank"
        )
    return None


def _activations(shape: ModelShape, params: TrainParams, rows: float, wide: int) -> float:
    """Return the bytes kept for the backward pass: of all layers; with checkpointing, all inputs and one layer."""
    one_layer = ACTIVATION_BYTES * rows * shape.hidden * wide / 2
    if params.gradient_checkpointing:
        return shape.layers * rows * shape.hidden * wide + one_layer
    return shape.layers * one_layer
