"""Fine-tune a model in this process; with several processes, each calls `fit` and the first one writes.

In: the base model's directory, tokenized rows, the `train` section. Out: a directory with the tuned weights in the base
model's data type, and what the training achieved and used. Does not write tokenizer, chat template or card.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import DatasetDict, load_from_disk
from transformers import AutoConfig, PrinterCallback
from transformers.utils.logging import disable_progress_bar
from trl import pack_dataset

from wizardcoder.core import console
from wizardcoder.core.console import StageError, Track
from wizardcoder.training import callbacks, checkpoints, devices, packing, weights
from wizardcoder.training.callbacks import TrainingCallback
from wizardcoder.training.settings import TrainParams, accumulation_steps, total_steps
from wizardcoder.training.trainer import make_decoder_trainer, make_encoder_decoder_trainer, training_arguments

CHECKPOINT_BYTES = 12  # per trained parameter: its 32-bit value and Adam's two states


@dataclass(frozen=True, slots=True)
class FitFolders:
    """The files and folders of one fine-tuning, which the launcher passes to its processes."""

    base: Path
    rows: Path  # a DatasetDict on disk: train and, if records are held out, held_out
    checkpoints: Path
    out: Path
    loss: Path


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a fine-tuning achieved and used; tokens, energy and time are summed over processes and restarts."""

    steps: int
    stopped_by_time: bool  # by train.max_minutes
    losses: list[float]
    held_out_before: float | None
    held_out_after: float | None
    seconds: float
    tokens: int
    computed_tokens: int  # with padding
    joules: float | None
    peak_memory_bytes: float  # of the first process
    packed: bool


def fit(params: TrainParams, folders: FitFolders, deepspeed: Mapping[str, Any] | None) -> FitResult:
    """Fine-tune and save to `folders.out`; resumes from the last complete checkpoint in `folders.checkpoints`.

    Raises:
        StageError: the loss is not finite, or disk or GPU memory are too small; names the last checkpoint.
        SystemExit: stopped by a signal, after writing a checkpoint.
    """
    if deepspeed is not None and not torch.cuda.is_available():
        _init_deepspeed_on_cpu()
    disable_progress_bar()
    rows = load_from_disk(folders.rows)
    total = total_steps(params, len(rows["train"]))
    trainer, packed = _make_trainer(params, folders, rows, deepspeed)
    checkpoints.need_disk(folders.out.parent, weights.saved_bytes(trainer, folders.base), "the fine-tuned model")
    checkpoint = checkpoints.last(folders.checkpoints)
    with _progress(total) as bar:
        callback = TrainingCallback(
            params,
            bar,
            folder=folders.checkpoints,
            loss=folders.loss,
            before=checkpoints.used_at(checkpoint),
            count_tokens=trainer.counts,
            measure_held_out="held_out" in rows,
            checkpoint_bytes=CHECKPOINT_BYTES * _count_trained_parameters(trainer),
        )
        trainer.add_callback(callback)
        _train(trainer, callback, params, folders, checkpoint)
    used = callback.resources_used()
    weights.save(trainer, params, folders.base, folders.out)
    return _result(trainer, callback, used, packed=packed)


def is_first_process() -> bool:
    """Return whether this process is the only one, or the first of several."""
    return int(os.environ.get("RANK", "0")) == 0


def _make_trainer(
    params: TrainParams, folders: FitFolders, rows: DatasetDict, deepspeed: Mapping[str, Any] | None
) -> tuple[Any, bool]:
    """Return the trainer, and whether rows are packed."""
    config = AutoConfig.from_pretrained(folders.base)
    attention = weights.choose_attention(params, config)
    packed = packing.uses_packing(params, attention, config)
    train = rows["train"].shuffle(seed=params.seed)
    if packed:
        train = pack_dataset(train.remove_columns("length"), params.max_tokens)
    arguments = training_arguments(params, folders.checkpoints) | {
        "max_steps": total_steps(params, len(rows["train"])),
        "gradient_accumulation_steps": accumulation_steps(params, len(rows["train"]), len(train)),
        # a step's records are drawn at random; within the step, records of similar length share a micro-batch
        "train_sampling_strategy": "random" if packed else "batch_rebalance",
        # the history of a resumed run has the loss before the first step
        "eval_on_start": "held_out" in rows and checkpoints.last(folders.checkpoints) is None,
        "deepspeed": None if deepspeed is None else dict(deepspeed),
    }
    if packing.uses_padding_free(params, attention, config):
        arguments["padding_free"] = True
    make = make_encoder_decoder_trainer if config.is_encoder_decoder else make_decoder_trainer
    trainer = make(
        arguments, lambda: weights.load(config, params, folders.base, attention), train, rows.get("held_out")
    )
    trainer.remove_callback(PrinterCallback)  # the progress line replaces it
    return trainer, packed


def _progress(total: int) -> AbstractContextManager[Track]:
    """Return the progress line in the first process, and a silent one in the others."""
    return console.track("train", total) if is_first_process() else nullcontext(Track("", total, None, None))


def _train(
    trainer: Any,  # noqa: ANN401 - a trainer
    callback: TrainingCallback,
    params: TrainParams,
    folders: FitFolders,
    checkpoint: Path | None,
) -> None:
    """Run the training to its end; errors with a known cause become one line."""
    restore_signals = callback.handle_signals()
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except torch.OutOfMemoryError as exc:
        packed = getattr(trainer.args, "packing", False)
        note = ". With packed rows, changing train.micro_batch_size restarts training from step 0" if packed else ""
        raise StageError(
            f"params.yaml: train.micro_batch_size: {params.micro_batch_size} with train.max_tokens "
            f"{params.max_tokens} does not fit into the GPU's memory: lower it (train.batch_size stays), or set "
            f"train.gradient_checkpointing; {checkpoints.resume_hint(folders.checkpoints)}{note}"
        ) from exc
    except Exception as exc:
        if not _is_disk_full(exc, folders.checkpoints):
            raise
        raise StageError(
            f"{folders.checkpoints}: the checkpoint cannot be written: {' '.join(str(exc).split())[:200]}; "
            f"{checkpoints.resume_hint(folders.checkpoints)}"
        ) from exc
    finally:
        restore_signals()
    if callback.stopped == callbacks.SIGNAL:
        if trainer.is_world_process_zero():
            hint = checkpoints.resume_hint(folders.checkpoints)
            console.say(f"train: stopped by a signal at step {trainer.state.global_step}; {hint}")
        raise SystemExit(128 + (callback.signum or 15))


def _result(
    trainer: Any,  # noqa: ANN401 - a trainer
    callback: TrainingCallback,
    used: checkpoints.ResourcesUsed,
    *,
    packed: bool,
) -> FitResult:
    history = trainer.state.log_history
    held_out = [row["eval_loss"] for row in history if "eval_loss" in row]
    return FitResult(
        steps=trainer.state.global_step,
        stopped_by_time=callback.stopped == callbacks.TIME_LIMIT,
        losses=[float(row["loss"]) for row in callbacks.loss_curve(history)],
        held_out_before=held_out[0] if held_out else None,
        held_out_after=held_out[-1] if held_out else None,
        seconds=used.seconds,
        tokens=used.tokens,
        computed_tokens=used.computed,
        joules=used.joules,
        peak_memory_bytes=devices.peak_memory_bytes(),
        packed=packed,
    )


def _count_trained_parameters(trainer: Any) -> int:  # noqa: ANN401
    """Count the trained parameters; those that ZeRO-3 partitions count in full."""
    return sum(int(getattr(p, "ds_numel", p.numel())) for p in trainer.model.parameters() if p.requires_grad)


def _is_disk_full(exc: BaseException, folder: Path) -> bool:
    """Return whether a write failed for lack of space; torch and safetensors raise types of their own for it."""
    text = str(exc).lower()
    signs = ("no space left", "os error 28", "file too large", "os error 27", "quota")
    return any(sign in text for sign in signs) or (
        "writ" in text and shutil.disk_usage(folder).free < checkpoints.SPARE_BYTES
    )


def _init_deepspeed_on_cpu() -> None:
    """Open the process group through DeepSpeed: on a CPU, accelerate would open it without DeepSpeed knowing."""
    import deepspeed

    # otherwise DeepSpeed compiles a kernel for a minute, although gloo does the same
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo", auto_mpi_discovery=False)
