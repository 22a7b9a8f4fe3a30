"""The metrics of a training: what metrics/train.json has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wizardcoder.core.disk import GB
from wizardcoder.training.devices import Hardware
from wizardcoder.training.planning import formulas
from wizardcoder.training.planning.model_shape import ModelShape
from wizardcoder.training.rows import TrainingRows
from wizardcoder.training.settings import TrainParams

if TYPE_CHECKING:
    from wizardcoder.training.fit import FitResult


def training_metrics(
    params: TrainParams, rows: TrainingRows, fitted: FitResult, shape: ModelShape, machine: Hardware
) -> dict[str, Any]:
    """Return the flat metrics; those that are unknown on this machine are left out."""
    tokens_per_s = fitted.tokens / fitted.seconds
    found: dict[str, Any] = {
        "examples": len(rows.train.rows),
        "examples_held_out": len(rows.held_out.rows),
        "examples_cut": rows.cut,
        "examples_dropped": rows.dropped,
        "tokens": sum(rows.lengths()),
        "tokens_trained": fitted.tokens,
        "tokens_per_s": tokens_per_s,
        "padding_share": 1 - fitted.tokens / max(1, fitted.computed_tokens),
        "packed": fitted.packed,
        "steps": fitted.steps,
        "stopped_by": "max_minutes" if fitted.stopped_by_time else "steps",
        "loss_first": fitted.losses[0],
        "loss_last": fitted.losses[-1],
        "seconds": round(fitted.seconds, 1),
        "hours": fitted.seconds / 3600,
        "peak_memory_gb": fitted.peak_memory_bytes / GB,
        "parameters": shape.parameters,
        "processes": params.processes,
        "device": machine.name,
    }
    if fitted.held_out_before is not None:
        found |= {"held_out_loss_before": fitted.held_out_before, "held_out_loss_after": fitted.held_out_after}
    if machine.peak_flops is not None:
        flops_per_s = formulas.flops_of(shape, tokens_per_s, rows.mean_length())
        found["mfu"] = flops_per_s / (machine.peak_flops * (params.processes if machine.gpu else 1))
    if fitted.joules is not None:
        found["energy_kwh"] = fitted.joules / 3.6e6
    return found
