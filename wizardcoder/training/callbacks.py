"""What happens beside the training while it goes on: loss curve, progress, checkpoints, and its early ends.

In: transformers' events. Out: the curve as CSV after every step, checkpoints by the clock, and a StageError where going
on would lose work: a loss that is no number, a disk without room for the next checkpoint. SIGTERM and Ctrl-C let the
step end and write a checkpoint; `train.max_minutes` lets it end with what there is.
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
from wizardcoder.training.checkpoints import Spent
from wizardcoder.training.settings import TrainParams

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = ("step", "loss", "lr")
NOTHING, TIME_IS_OVER, TOLD_TO_STOP = 0, 1, 2


class Guard(TrainerCallback):  # type: ignore[misc]
    """Watches one training; `stopped` says why it ended before its last step, `signum` which signal asked for it."""

    def __init__(
        self,
        params: TrainParams,
        bar: Track,
        *,
        folder: Path,
        loss: Path,
        before: Spent,
        count: Callable[[], list[float]],
        measures: bool,
        checkpoint_bytes: float,
    ) -> None:
        self.stopped = NOTHING
        self.signum = 0
        self._params, self._folder, self._loss, self._bar = params, folder, loss, bar
        self._measures = measures  # the held-out loss, at the end
        self._before, self._count, self._checkpoint_bytes = before, count, checkpoint_bytes
        self._started = self._saved = time.monotonic()
        self._joules = devices.energy_j()

    def listen(self) -> Callable[[], None]:
        """Take SIGTERM and Ctrl-C over; gives the function that hands them back. A second one ends at once."""
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def give_back() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        def told(number: int, _frame: FrameType | None) -> None:
            self.signum = number
            give_back()

        for number in before:
            signal.signal(number, told)
        return give_back

    def spent(self) -> Spent:
        """Sum up, over all processes and restarts, what the training has taken. Every process must ask at once."""
        joules = devices.energy_j()
        taken = math.nan if joules is None or self._joules is None else joules - self._joules
        real, computed, energy = _sum([*self._count(), taken])
        known = None if math.isnan(energy) else energy + (self._before.joules or 0.0)
        return Spent(
            seconds=self._before.seconds + time.monotonic() - self._started,
            tokens=self._before.tokens + round(real),
            computed=self._before.computed + round(computed),
            joules=known,
        )

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        """The clock of the training itself, without the imports and the loading before it."""
        self._started = self._saved = time.monotonic()
        if state.is_world_process_zero:
            self._bar.advance(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Decide, all processes alike, whether to stop, to measure and to save."""
        now = time.monotonic()
        at_end = state.global_step >= state.max_steps
        limit = self._params.max_minutes
        over = limit is not None and self._before.seconds + now - self._started >= limit * 60
        due = now - self._saved >= self._params.runtime.checkpoint_minutes * 60
        wish = [TOLD_TO_STOP if self.signum else TIME_IS_OVER if over else NOTHING, int(due)]
        stop, due_anywhere = _most(wish, args)
        self.stopped = NOTHING if at_end else stop
        if self.stopped:
            control.should_training_stop = True
        control.should_evaluate = self._measures and (at_end or self.stopped == TIME_IS_OVER)
        control.should_save = self.stopped == TOLD_TO_STOP or bool(due_anywhere and not control.should_training_stop)
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
        """Write the curve and move the progress line; end at a loss that is no number."""
        if logs is None or "loss" not in logs:
            return
        loss = float(logs["loss"])
        # with fp16 a step whose gradient overflows is left out, and the scale lowered
        norm = 0.0 if self._params.precision == "fp16" else float(logs.get("grad_norm") or 0.0)
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise StageError(
                f"train: loss {loss}, gradient norm {norm} at step {state.global_step}: lower train.lr, or look at "
                f"the data, which starts anew; {checkpoints.with_nothing_changed(self._folder)}"
            )
        if state.is_world_process_zero:
            write_csv(self._loss, curve(state.log_history), COLUMNS)
            real = self._count()[0] * args.world_size
            rate = real / max(time.monotonic() - self._started, 1e-9)
            self._bar.advance(state.global_step - self._bar.done, note=f"loss {loss:.3f} {rate:,.0f} tokens/s")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Mark the checkpoint whole once every process has written its part."""
        spent = self.spent()
        if dist.is_initialized():
            dist.barrier()
        if state.is_world_process_zero:
            checkpoints.mark(self._folder / f"{checkpoints.PREFIX}{state.global_step}", spent)
        self._saved = time.monotonic()

    def _need_disk(self) -> None:
        try:
            checkpoints.need_disk(self._folder, self._checkpoint_bytes, "the next checkpoint")
        except StageError as exc:
            raise StageError(f"{exc}; {checkpoints.how_to_go_on(self._folder)}") from exc


def curve(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give the loss curve's rows out of the trainer's history, which a resumed run brings along."""
    return [{"step": row["step"], "loss": row["loss"], "lr": row["learning_rate"]} for row in history if "loss" in row]


def _sum(values: list[float]) -> list[float]:
    """Add the processes' values up."""
    if not dist.is_initialized():
        return values
    found = torch.tensor(values, dtype=torch.float64, device=_device())
    dist.all_reduce(found)
    return [float(value) for value in found]


def _most(values: list[int], args: TrainingArguments) -> list[int]:
    """Give the greatest of the processes' values: they must decide alike, though their clocks differ."""
    if args.world_size == 1:
        return values
    found = torch.tensor(values, device=_device())
    dist.all_reduce(found, op=dist.ReduceOp.MAX)
    return [int(value) for value in found]


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"
