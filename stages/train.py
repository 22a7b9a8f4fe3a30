"""Stage train: the base model is fine-tuned on the decontaminated examples.

In: models/base and data/decontaminated/examples.jsonl. Out: models/wizardcoder, an ordinary transformers directory;
metrics/train.json and metrics/loss.csv (step, loss, learning rate), the latter written while training goes on. Loss is
on the response only; TRL's SFTTrainer does the training.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic.dataclasses import dataclass

from stages.lib import console, prompts
from stages.lib.console import StageError
from stages.lib.params import STRICT, AtLeastOne, Count, NotNegative, Positive, Text, load
from stages.lib.records import Example, read_jsonl, write_csv, write_metrics
from stages.lib.tokenized import Tokenized, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BASE = Path("models/base")
SOURCE = Path("data/decontaminated/examples.jsonl")
OUT = Path("models/wizardcoder")
METRICS = Path("metrics/train.json")
LOSS = Path("metrics/loss.csv")
SPARE_BYTES = 50_000_000  # tokenizer, configuration, metrics


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainParams:
    """The `train` section. One step takes `batch_size` sequences, `micro_batch_size` at a time."""

    seed: int
    prompt: Text
    max_tokens: AtLeastOne
    batch_size: AtLeastOne
    micro_batch_size: AtLeastOne
    epochs: Positive
    max_steps: AtLeastOne | None
    lr: Positive
    warmup_steps: Count
    schedule: Literal["cosine", "linear", "constant_with_warmup"]
    weight_decay: NotNegative
    precision: Literal["bf16", "fp16", "fp32"]
    gradient_checkpointing: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """What this stage reads of params.yaml."""

    train: TrainParams


def main() -> None:
    """Fine-tune and write the model; models/wizardcoder appears whole or not at all."""
    params = load(Params).train
    check(params)
    with console.closing_line("train") as close:
        examples = list(read_jsonl(SOURCE, Example))
        if not examples:
            raise StageError(f"{SOURCE}: holds no example")
        OUT.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=OUT.parent, prefix="train.", suffix=".tmp") as folder:
            metrics = run(params, examples, BASE, Path(folder) / "model")
            shutil.rmtree(OUT, ignore_errors=True)
            (Path(folder) / "model").rename(OUT)
        write_metrics(METRICS, metrics)
        close(examples=metrics["examples"], tokens=metrics["tokens"], steps=metrics["steps"])


def check(params: TrainParams) -> None:
    """Refuse sizes that contradict each other."""
    if params.batch_size % params.micro_batch_size:
        raise StageError(
            f"params.yaml: train.micro_batch_size: found {params.micro_batch_size}, "
            f"accepted: a divisor of train.batch_size, {params.batch_size}"
        )


def tokenize_all(
    tokenizer: PreTrainedTokenizerBase, params: TrainParams, examples: list[Example]
) -> tuple[list[Tokenized], int]:
    """Encode all examples; also give the number of those dropped because no token of their response fits."""
    encoded = [
        tokenize(tokenizer, prompts.fill(params.prompt, instruction=e.instruction), e.response, params.max_tokens)
        for e in examples
    ]
    kept = [item for item in encoded if item is not None]
    if not kept:
        raise StageError(f"train.max_tokens: {params.max_tokens} leaves no room for any response")
    return kept, len(encoded) - len(kept)


def run(params: TrainParams, examples: list[Example], base: Path, out: Path) -> dict[str, Any]:
    """Fine-tune `base` on the examples and save it to `out`; returns the metrics."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(base)
    encoded, dropped = tokenize_all(tokenizer, params, examples)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    saved_as = _dtype(base)
    _need_disk(out.parent, sum(p.numel() for p in model.parameters()) * torch.finfo(saved_as).bits // 8)
    rows: list[dict[str, Any]] = []

    class Progress(TrainerCallback):  # type: ignore[misc]
        """Writes the loss curve and moves the progress bar."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ANN401
            if logs and "loss" in logs:
                rows.append({"step": state.global_step, "loss": logs["loss"], "lr": logs["learning_rate"]})
                write_csv(LOSS, rows, ("step", "loss", "lr"))
                bar.advance(state.global_step - bar.done, note=f"loss {float(logs['loss']):.3f}")

    on_gpu = torch.cuda.is_available()
    steps_per_epoch = -(-len(encoded) // params.batch_size)
    steps = params.max_steps or max(1, round(params.epochs * steps_per_epoch))
    config = SFTConfig(
        output_dir=str(out.parent / "trainer"),
        per_device_train_batch_size=params.micro_batch_size,
        gradient_accumulation_steps=params.batch_size // params.micro_batch_size,
        max_steps=steps,
        learning_rate=params.lr,
        lr_scheduler_type=params.schedule,
        warmup_steps=params.warmup_steps,
        weight_decay=params.weight_decay,
        bf16=params.precision == "bf16",
        fp16=params.precision == "fp16",
        activation_checkpointing=params.gradient_checkpointing,
        use_cpu=not on_gpu,
        seed=params.seed,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="group_by_length",
        dataloader_pin_memory=on_gpu,
        logging_steps=1,
        logging_first_step=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    started = time.monotonic()
    with console.track("train", steps) as bar:
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=Dataset.from_list([{"input_ids": e.input_ids, "labels": e.labels} for e in encoded]),
            processing_class=tokenizer,
            callbacks=[Progress()],
        )
        _silence(trainer)
        trainer.train()
    seconds = time.monotonic() - started
    trainer.model.to(saved_as).save_pretrained(out)
    tokenizer.save_pretrained(out)
    tokens = sum(len(e.input_ids) for e in encoded)
    return {
        "examples": len(encoded),
        "examples_dropped": dropped,
        "examples_cut": sum(e.cut > 0 for e in encoded),
        "tokens": tokens,
        "steps": trainer.state.global_step,
        "loss_first": float(rows[0]["loss"]),
        "loss_last": float(rows[-1]["loss"]),
        "seconds": round(seconds, 1),
    }


def _dtype(base: Path) -> Any:  # noqa: ANN401 - torch.dtype, without importing torch at the top
    """Give the type in which the base model's weights are stored; the tuned ones are stored in the same."""
    import torch

    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    return getattr(torch, config.get("dtype") or config.get("torch_dtype") or "float32")


def _need_disk(folder: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed_bytes + SPARE_BYTES:
        raise StageError(f"{folder}: {free / 1e9:.1f} GB free, the fine-tuned model needs {needed_bytes / 1e9:.1f} GB")


def _silence(trainer: Any) -> None:  # noqa: ANN401 - TRL's trainer
    """Our own progress line replaces the trainer's printed dictionaries."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


if __name__ == "__main__":
    console.entry(main)
