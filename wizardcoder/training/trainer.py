"""The fine-tuning itself, by TRL's SFTTrainer (a decoder) or transformers' Seq2SeqTrainer (an encoder-decoder).

In: the base model's directory, tokenized rows, the `train` section. Out: a directory with the tuned weights in the
base's type, and what the training gave and took. With several processes each calls `fit`; the first one writes. What a
user of the model needs beside the weights is model_directory.py's part.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, load_from_disk
from transformers import (
    AutoConfig,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    PrinterCallback,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)
from transformers.utils.logging import disable_progress_bar
from trl import SFTConfig, SFTTrainer, pack_dataset

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.training import callbacks, checkpoints, devices, weights
from wizardcoder.training.settings import TrainParams, accumulation, steps_of
from wizardcoder.training.tokenization import IGNORED, Tokenized

# decoders whose mask follows from the positions, so that records in one row do not see each other; others take their
# mask from elsewhere, or have a state beside it. Each is held by a test.
MASKED_BY_POSITION = frozenset(
    ("codegen", "gpt2", "gpt_bigcode", "gpt_neox", "llama", "mistral", "phi", "qwen2", "qwen3", "starcoder2")
)
CHECKPOINT_BYTES = 12  # a trained parameter: its 32-bit value and Adam's two states


@dataclass(frozen=True, slots=True)
class Job:
    """The folders of one fine-tuning; several processes are told them by their launcher."""

    base: Path
    rows: Path  # a DatasetDict on disk: train and, where records are held out, held_out
    checkpoints: Path
    out: Path
    loss: Path


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fine-tuning gave and took; `peak_memory` in bytes, of the first process."""

    steps: int
    stopped: bool  # by train.max_minutes
    losses: list[float]
    held_out_before: float | None
    held_out_after: float | None
    seconds: float
    tokens: int
    computed: int
    joules: float | None
    peak_memory: float
    packed: bool


class Counting:
    """Counts the tokens that a trainer reads, and those it computes with padding; no GPU is waited for."""

    real: Any = 0
    computed = 0

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:  # noqa: ANN401
        """As in transformers' Trainer."""
        ids, mask = inputs["input_ids"], inputs.get("attention_mask")
        self.real = self.real + (ids.numel() if mask is None else mask.sum())
        self.computed += ids.numel()
        if "decoder_input_ids" in inputs:
            self.real = self.real + (inputs["labels"] != IGNORED).sum()
            self.computed += inputs["labels"].numel()
        return super().training_step(model, inputs, num_items_in_batch)  # type: ignore[misc]

    def counts(self) -> list[float]:
        """Give (tokens read, tokens computed) of this process."""
        return [float(self.real), float(self.computed)]


class DecoderTrainer(Counting, SFTTrainer):  # type: ignore[misc]
    """TRL's trainer; on a CPU the output layer is computed for the response alone, as TRL does on a GPU."""

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Give the mean loss over the response's tokens of the whole step.

        TRL 1.16 scores every position where there is no Triton, prompt and padding too: a third more work here.
        """
        own = self.accelerator.unwrap_model(model)
        if inputs["input_ids"].device.type != "cpu" or own is not model or return_outputs or self.aux_loss_enabled:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        whole = own.get_base_model() if hasattr(own, "get_base_model") else own
        labels = inputs.pop("labels")[:, 1:]
        hidden = whole.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
        answered = labels != IGNORED
        logits = whole.get_output_embeddings()(hidden[answered])
        return _mean_loss(logits, labels[answered], num_items_in_batch)


class EncoderDecoderTrainer(Counting, Seq2SeqTrainer):  # type: ignore[misc]
    """transformers' trainer for models with an encoder."""


def fit(params: TrainParams, job: Job, deepspeed: Mapping[str, Any] | None) -> Fitted:
    """Fine-tune and save to `job.out`; goes on from the last whole checkpoint in `job.checkpoints`.

    Raises:
        StageError: the loss is no number, or disk or GPU memory are too small; says where the last checkpoint is.
        SystemExit: told to stop by a signal; a checkpoint is written.
    """
    if deepspeed is not None and not torch.cuda.is_available():
        _open_deepspeed_on_cpu()
    disable_progress_bar()
    rows = load_from_disk(job.rows)
    config = AutoConfig.from_pretrained(job.base)
    attention = weights.attention_of(params, config)
    packed = packs(params, attention, config)
    total = steps_of(params, len(rows["train"]))
    train = rows["train"].shuffle(seed=params.seed)
    if packed:
        train = pack_dataset(train.remove_columns("length"), params.max_tokens)
    how = _arguments(params, job) | {
        "max_steps": total,
        "gradient_accumulation_steps": accumulation(params, len(rows["train"]), len(train)),
        # each step's records are drawn at random, and within the step those of like length share a micro-batch
        "train_sampling_strategy": "random" if packed else "batch_rebalance",
        # a resumed run's history has the loss before the first step
        "eval_on_start": "held_out" in rows and checkpoints.last(job.checkpoints) is None,
        "deepspeed": None if deepspeed is None else dict(deepspeed),
    }
    if unpadded(params, attention, config):
        how["padding_free"] = True
    make = _encoder_decoder if config.is_encoder_decoder else _decoder
    # the arguments come before the model: by DeepSpeed's from_pretrained loads shares of it
    trainer = make(how, lambda: weights.load(config, params, job.base, attention), train, rows.get("held_out"))
    trainer.remove_callback(PrinterCallback)  # our own progress line replaces its dictionaries
    checkpoints.need_disk(job.out.parent, weights.saved_bytes(trainer, job.base), "the fine-tuned model")
    checkpoint = checkpoints.last(job.checkpoints)
    with console.track("train", total) if is_first() else nullcontext(console.Track("", total, None, None)) as bar:
        watch = callbacks.Guard(
            params,
            bar,
            folder=job.checkpoints,
            loss=job.loss,
            before=checkpoints.spent_at(checkpoint),
            count=trainer.counts,
            measures="held_out" in rows,
            checkpoint_bytes=CHECKPOINT_BYTES * _trained(trainer),
        )
        trainer.add_callback(watch)
        _train(trainer, watch, params, job, checkpoint)
    spent = watch.spent()
    weights.save(trainer, params, job.base, job.out)
    history = trainer.state.log_history
    held_out = [row["eval_loss"] for row in history if "eval_loss" in row]
    return Fitted(
        steps=trainer.state.global_step,
        stopped=watch.stopped == callbacks.TIME_IS_OVER,
        losses=[float(row["loss"]) for row in callbacks.curve(history)],
        held_out_before=held_out[0] if held_out else None,
        held_out_after=held_out[-1] if held_out else None,
        seconds=spent.seconds,
        tokens=spent.tokens,
        computed=spent.computed,
        joules=spent.joules,
        peak_memory=devices.peak_memory(),
        packed=packed,
    )


def is_first() -> bool:
    """Whether this process is the only one, or the first of several."""
    return int(os.environ.get("RANK", "0")) == 0


def dataset(rows: Sequence[Tokenized], *, encoder_decoder: bool) -> Dataset:
    """Give tokenized rows as a dataset, with the lengths by which they are grouped."""
    return Dataset.from_list(
        [
            {
                "input_ids": row.input_ids,
                "labels": row.labels,
                "length": len(row.input_ids) + len(row.labels) * encoder_decoder,
            }
            for row in rows
        ]
    )


def packs(params: TrainParams, attention: str | None, config: Any) -> bool:  # noqa: ANN401 - transformers' config
    """Whether records share a row: flash attention keeps them apart at no cost, a mask at a row's square.

    Raises:
        StageError: `train.packing` is always, and the model's records would see each other.
    """
    if params.packing == "auto":
        return attention == "flash_attention_2"
    if params.packing == "always" and (
        config.is_encoder_decoder or (attention != "flash_attention_2" and config.model_type not in MASKED_BY_POSITION)
    ):
        raise StageError(
            f"params.yaml: train.packing: found 'always', accepted for a {config.model_type} model here: auto or never"
        )
    return params.packing == "always"


def unpadded(params: TrainParams, attention: str | None, config: Any) -> bool:  # noqa: ANN401 - transformers' config
    """Whether the records of a micro-batch lie end to end in one row, kept apart by a mask in place of padding.

    On a CPU alone: there a mask is cheaper than padding, while a GPU's fused kernels take none.
    """
    if params.packing != "auto" or attention not in (None, "sdpa") or torch.cuda.is_available():
        return False
    most = getattr(config.get_text_config(), "max_position_embeddings", None)  # some models' masks are no longer
    fits = most is None or params.micro_batch_size * params.max_tokens <= most
    return fits and config.model_type in MASKED_BY_POSITION


def _train(trainer: Any, watch: callbacks.Guard, params: TrainParams, job: Job, checkpoint: Path | None) -> None:  # noqa: ANN401
    """Run the training to its end; errors with a known cause become one line."""
    give_back = watch.listen()
    try:
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
    except torch.OutOfMemoryError as exc:
        packed = getattr(trainer.args, "packing", False)
        but = " (with packed rows a lower train.micro_batch_size starts anew)" if packed else ""
        raise StageError(
            f"params.yaml: train.micro_batch_size: {params.micro_batch_size} with train.max_tokens "
            f"{params.max_tokens} does not fit into the GPU's memory: lower it (train.batch_size stays), or set "
            f"train.gradient_checkpointing; {checkpoints.how_to_go_on(job.checkpoints)}{but}"
        ) from exc
    except Exception as exc:
        if not _disk_is_full(exc, job.checkpoints):
            raise
        raise StageError(
            f"{job.checkpoints}: the checkpoint cannot be written: {' '.join(str(exc).split())[:200]}; "
            f"{checkpoints.how_to_go_on(job.checkpoints)}"
        ) from exc
    finally:
        give_back()
    if watch.stopped == callbacks.TOLD_TO_STOP:
        if trainer.is_world_process_zero():
            told = checkpoints.how_to_go_on(job.checkpoints)
            console.say(f"train: told to stop at step {trainer.state.global_step}; {told}")
        raise SystemExit(128 + (watch.signum or 15))


def _decoder(how: dict[str, Any], load: Callable[[], Any], train: Dataset, held_out: Dataset | None) -> Any:  # noqa: ANN401
    packed = "seq_lengths" in train.column_names
    args = SFTConfig(max_length=None, packing=packed, dataset_kwargs={"skip_prepare_dataset": True}, **how)
    model = load()
    tokenizer = AutoTokenizer.from_pretrained(model.config.name_or_path)
    trainer = DecoderTrainer(
        model=model, args=args, train_dataset=train, eval_dataset=held_out, processing_class=tokenizer
    )
    trainer.model_accepts_loss_kwargs = True  # of every decoder: the loss is the trainer's, over the whole step
    return trainer


def _encoder_decoder(how: dict[str, Any], load: Callable[[], Any], train: Dataset, held_out: Dataset | None) -> Any:  # noqa: ANN401
    args = Seq2SeqTrainingArguments(**how)
    model = load()
    tokenizer = AutoTokenizer.from_pretrained(model.config.name_or_path)
    if tokenizer.pad_token_id is None:  # TRL sees to it for a decoder
        tokenizer.pad_token = tokenizer.eos_token
    return EncoderDecoderTrainer(
        model=model,
        args=args,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model, label_pad_token_id=IGNORED),
        train_dataset=train,
        eval_dataset=held_out,
        processing_class=tokenizer,
        compute_loss_func=_pair_loss,
    )


def _arguments(params: TrainParams, job: Job) -> dict[str, Any]:
    """Give transformers' training arguments."""
    gpu = torch.cuda.is_available()
    found: dict[str, Any] = {
        "output_dir": str(job.checkpoints),
        "per_device_train_batch_size": params.micro_batch_size,
        "per_device_eval_batch_size": params.micro_batch_size,
        "learning_rate": params.lr,
        "lr_scheduler_type": params.schedule,
        "warmup_steps": params.warmup_steps,
        "weight_decay": params.weight_decay,
        "max_grad_norm": params.max_grad_norm,
        "adam_beta1": params.adam_beta1,
        "adam_beta2": params.adam_beta2,
        "adam_epsilon": params.adam_epsilon,
        "optim": "adamw_torch_fused",
        "bf16": params.precision == "bf16",
        "fp16": params.precision == "fp16",
        "activation_checkpointing": params.gradient_checkpointing,
        "use_liger_kernel": params.liger_kernels,
        "torch_compile": params.compile,
        "use_cpu": not gpu,
        "seed": params.seed,
        "dataloader_pin_memory": gpu,
        "logging_steps": 1,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,  # a loss that is no number must show
        "prediction_loss_only": True,
        "eval_strategy": "no",  # the guard asks for it
        "save_strategy": "no",  # by the clock, the guard's too
        "ddp_find_unused_parameters": False,
        "report_to": "none",
        "disable_tqdm": True,
    }
    if params.distributed and not gpu:
        found["ddp_backend"] = "gloo"
    return found


def _mean_loss(logits: torch.Tensor, labels: torch.Tensor, count: Any) -> torch.Tensor:  # noqa: ANN401
    """Give the summed cross entropy over `count` labels, those of the whole step; over these where it is None."""
    summed = torch.nn.functional.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
    return summed / ((labels != IGNORED).sum().clamp(min=1) if count is None else count)


def _pair_loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:  # noqa: ANN401
    return _mean_loss(outputs.logits.flatten(0, 1), labels.flatten(), num_items_in_batch)


def _trained(trainer: Any) -> int:  # noqa: ANN401
    """Count the trained parameters; those that ZeRO-3 holds in shares count whole."""
    return sum(int(getattr(p, "ds_numel", p.numel())) for p in trainer.model.parameters() if p.requires_grad)


def _disk_is_full(exc: BaseException, folder: Path) -> bool:
    """Whether an error of writing (torch and safetensors have types of their own for it) is one of space."""
    text = str(exc).lower()
    told = any(sign in text for sign in ("no space left", "os error 28", "file too large", "os error 27", "quota"))
    return told or ("writ" in text and shutil.disk_usage(folder).free < checkpoints.SPARE_BYTES)


def _open_deepspeed_on_cpu() -> None:
    """Open the process group as DeepSpeed's: accelerate, on a CPU, would open it without telling DeepSpeed."""
    import deepspeed

    # else a minute of compiling a kernel of DeepSpeed's own, for what gloo does as well
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed("gloo", auto_mpi_discovery=False)
