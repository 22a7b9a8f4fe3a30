"""The callback of a training: loss curve, progress, checkpoints, and early stops.

Writes the loss curve as CSV after every step and requests checkpoints by the clock. Stops with a StageError where
continuing would lose work: at a loss that is not finite, or without disk space for the next checkpoint. SIGTERM and
Ctrl-C finish the step and write a checkpoint; `train.max_minutes` stops and keeps the model trained so far.
"""

from __future__ import annotations

import math
import signal
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from wizardcoder.core.console import StageError, Track
from wizardcoder.core.records import write_csv
from wizardcoder.training import checkpoints, devices
from wizardcoder.training.checkpoints import ResourcesUsed
from wizardcoder.training.settings import TrainParams

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("step", "loss", "lr")
NOT_STOPPED, TIME_LIMIT, SIGNAL = 0, 1, 2


class TrainingCallback(TrainerCallback):  # type: ignore[misc]
    """Observes one training; `stopped` is why it ended before its last step, `signum` the signal that stopped it."""

    def __init__(
        self,
        params: TrainParams,
        bar: Track,
        *,
        folder: Path,
        loss: Path,
        before: ResourcesUsed,
        count_tokens: Callable[[], list[float]],
        measure_held_out: bool,
        checkpoint_bytes: float,
    ) -> None:
        self.stopped = NOT_STOPPED
        self.signum = 0
        self._params, self._folder, self._loss, self._bar = params, folder, loss, bar
        self._measure_held_out = measure_held_out  # at the end
        self._before, self._count_tokens, self._checkpoint_bytes = before, count_tokens, checkpoint_bytes
        self._started = self._saved = time.monotonic()
        self._joules = devices.energy_j()

    def handle_signals(self) -> Callable[[], None]:
        """Handle SIGTERM and Ctrl-C, and return a function that restores the old handlers; a second signal kills."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def restore() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def stop(number: int, _frame: FrameType | None) -> None:
            self.signum = number
            restore()

        for number in before:
            signal.signal(number, stop)
        return restore

    def resources_used(self) -> ResourcesUsed:
        """Return what the training has used over all processes and restarts; all processes must call it together."""
        joules = devices.energy_j()
        own_energy = math.nan if joules is None or self._joules is None else joules - self._joules
        real, computed, energy = _sum([*self._count_tokens(), own_energy])
        return ResourcesUsed(
            seconds=self._before.seconds + time.monotonic() - self._started,
            tokens=self._before.tokens + round(real),
            computed=self._before.computed + round(computed),
            joules=None if math.isnan(energy) else energy + (self._before.joules or 0.0),
        )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """Start the clock; imports and loading before it do not count."""
        self._started = self._saved = time.monotonic()
        if state.is_world_process_zero:
            self._bar.advance(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Decide, in all processes alike, whether to stop, to measure the held-out loss and to save."""
        now = time.monotonic()
        at_end = state.global_step >= state.max_steps
        limit = self._params.max_minutes
        over = limit is not None and self._before.seconds + now - self._started >= limit * 60
        due = now - self._saved >= self._params.runtime.checkpoint_minutes * 60
        own = [SIGNAL if self.signum else TIME_LIMIT if over else NOT_STOPPED, int(due)]
        stop, due_anywhere = _max(own, args)
        self.stopped = NOT_STOPPED if at_end else stop
        if self.stopped:
            control.should_training_stop = True
        control.should_evaluate = self._measure_held_out and (at_end or self.stopped == TIME_LIMIT)
        control.should_save = self.stopped == SIGNAL or bool(due_anywhere and not control.should_training_stop)
        if control.should_save and state.is_world_process_zero:
            self._need_disk()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Write the loss curve and update the progress; stop at a loss that is not finite."""
        if logs is None or "loss" not in logs:
            return
        loss = float(logs["loss"])
        # with fp16, a step whose gradient overflows is skipped and the loss scale lowered
        norm = 0.0 if self._params.precision == "fp16" else float(logs.get("grad_norm") or 0.0)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            hint = checkpoints.unchanged_hint(self._folder)
            raise StageError(
                f"train: loss {loss}, gradient norm {norm} at step {state.global_step}. Lower train.lr or inspect the "
                f"data; either change restarts training from step 0. {hint[0].upper()}{hint[1:]}"
            )
        if state.is_world_process_zero:
            write_csv(self._loss, loss_curve(state.log_history), COLUMNS)
            real = self._count_tokens()[0] * args.world_size
            rate = real / max(time.monotonic() - self._started, 1e-9)
            self._bar.advance(state.global_step - self._bar.done, note=f"loss {loss:.3f} {rate:,.0f} tokens/s")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Mark the checkpoint as complete once every process has written its part."""
        used = self.resources_used()
        if dist.is_initialized():
            dist.barrier()
        if state.is_world_process_zero:
            checkpoints.mark_complete(self._folder / f"{checkpoints.PREFIX}{state.global_step}", used)
        self._saved = time.monotonic()

    def _need_disk(self) -> None:
        try:
            checkpoints.need_disk(self._folder, self._checkpoint_bytes, "the next checkpoint")
        except StageError as exc:
            raise StageError(f"{exc}; {checkpoints.resume_hint(self._folder)}") from exc


def loss_curve(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the loss curve from the trainer's history, which a resumed run has from its start."""
    return [{"step": row["step"], "loss": row["loss"], "lr": row["learning_rate"]} for row in history if "loss" in row]


def _sum(values: list[float]) -> list[float]:
    """Return each value summed over all processes."""
    if not dist.is_initialized():
        return values
    found = torch.tensor(values, dtype=torch.float64, device=_device())
    dist.all_reduce(found)
    return [float(value) for value in found]


def _max(values: list[int], args: TrainingArguments) -> list[int]:
    """Return the maximum of each value over all processes: they must decide alike although their clocks differ."""
    if args.world_size == 1:
        return values
    found = torch.tensor(values, device=_device())
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return [int(value) for value in found]


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
