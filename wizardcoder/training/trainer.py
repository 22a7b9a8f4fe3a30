"""The trainers: TRL's SFTTrainer for a decoder, transformers' Seq2SeqTrainer for an encoder-decoder.

Both count tokens and compute the mean loss over the response tokens of a whole step. Does not train; see fit.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
)
from trl import SFTConfig, SFTTrainer

from wizardcoder.training.settings import TrainParams
from wizardcoder.training.tokenization import IGNORED, TokenizedExample

LoadModel = Callable[[], Any]


class TokenCounter:
    """A trainer that counts the tokens it reads, and those it computes with padding, without waiting for the GPU."""

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
        """Return (tokens read, tokens computed) of this process."""
        return [float(self.real), float(self.computed)]


class DecoderTrainer(TokenCounter, SFTTrainer):  # type: ignore[misc]
    """TRL's trainer; on a CPU it computes the output layer for the response only, as TRL does on a GPU."""

    def compute_loss(
        self,
        model: Any,  # noqa: ANN401
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return the mean loss over the response tokens of the whole step.

        Without Triton, TRL 1.16 computes the output layer for prompt and padding too: a third more work here.
        """
        own = self.accelerator.unwrap_model(model)
        if inputs["input_ids"].device.type != "cpu" or own is not model or return_outputs or self.aux_loss_enabled:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        whole = own.get_base_model() if hasattr(own, "get_base_model") else own
        labels = inputs.pop("labels")[:, 1:]
        hidden = whole.base_model(**inputs, use_cache=False).last_hidden_state[:, :-1]
        answered = labels != IGNORED
        logits = whole.get_output_embeddings()(hidden[answered])
        return mean_loss(logits, labels[answered], num_items_in_batch)


class EncoderDecoderTrainer(TokenCounter, Seq2SeqTrainer):  # type: ignore[misc]
    """transformers' trainer for models with an encoder."""


def make_decoder_trainer(
    arguments: dict[str, Any], load: LoadModel, train: Dataset, held_out: Dataset | None
) -> DecoderTrainer:
    """Return the trainer of a decoder.

    The arguments are built before the model is loaded: with DeepSpeed, `from_pretrained` then loads partitions.
    """
    packed = "seq_lengths" in train.column_names
    args = SFTConfig(max_length=None, packing=packed, dataset_kwargs={"skip_prepare_dataset": True}, **arguments)
    model = load()
    tokenizer = AutoTokenizer.from_pretrained(model.config.name_or_path)
    trainer = DecoderTrainer(
        model=model, args=args, train_dataset=train, eval_dataset=held_out, processing_class=tokenizer
    )
    trainer.model_accepts_loss_kwargs = True  # for every decoder: the trainer computes the loss, over the whole step
    return trainer


def make_encoder_decoder_trainer(
    arguments: dict[str, Any], load: LoadModel, train: Dataset, held_out: Dataset | None
) -> EncoderDecoderTrainer:
    """Return the trainer of an encoder-decoder; the order is as in `make_decoder_trainer`."""
    args = Seq2SeqTrainingArguments(**arguments)
    model = load()
    tokenizer = AutoTokenizer.from_pretrained(model.config.name_or_path)
    if tokenizer.pad_token_id is None:  # TRL does this for a decoder
        tokenizer.pad_token = tokenizer.eos_token
    return EncoderDecoderTrainer(
        model=model,
        args=args,
        data_collator=DataCollatorForSeq2Seq(tokenizer, model=model, label_pad_token_id=IGNORED),
        train_dataset=train,
        eval_dataset=held_out,
        processing_class=tokenizer,
        compute_loss_func=_encoder_decoder_loss,
    )


def training_arguments(params: TrainParams, checkpoints: Path) -> dict[str, Any]:
    """Return transformers' training arguments; the number of steps and the accumulation are not included."""
    gpu = torch.cuda.is_available()
    arguments: dict[str, Any] = {
        "output_dir": str(checkpoints),
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
        "logging_nan_inf_filter": False,  # a loss that is not finite must show
        "prediction_loss_only": True,
        "eval_strategy": "no",  # the callback requests it
        "save_strategy": "no",  # the callback requests it, by the clock
        "ddp_find_unused_parameters": False,
        "report_to": "none",
        "disable_tqdm": True,
    }
    if params.distributed and not gpu:
        arguments["ddp_backend"] = "gloo"
    return arguments


def to_dataset(rows: Sequence[TokenizedExample], *, encoder_decoder: bool) -> Dataset:
    """Return tokenized rows as a dataset, with the lengths by which micro-batches are grouped."""
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


def mean_loss(logits: torch.Tensor, labels: torch.Tensor, count: Any) -> torch.Tensor:  # noqa: ANN401
    """Return the summed cross entropy divided by `count`, the labels of the whole step; by these labels if None."""
    summed = torch.nn.functional.cross_entropy(logits.float(), labels, ignore_index=IGNORED, reduction="sum")
    return summed / ((labels != IGNORED).sum().clamp(min=1) if count is None else count)


def _encoder_decoder_loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: Any = None) -> torch.Tensor:  # noqa: ANN401
    return mean_loss(outputs.logits.flatten(0, 1), labels.flatten(), num_items_in_batch)
