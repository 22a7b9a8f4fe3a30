"""The model's README.md: what it was made of, how, and under which licences.

In: facts of the run. Out: Markdown with the front matter that the hub reads. Scores are not in it: they are measured
after the model is written, so it names the file that will hold them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.lib.records import Example
from stages.lib.train_params import TrainParams

UNKNOWN = "not stated"
TOLD = (
    "precision",
    "batch_size",
    "max_tokens",
    "lr",
    "schedule",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "adam_beta1",
    "adam_beta2",
    "adam_epsilon",
    "seed",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the material comes from: sources as params.yaml names them, the training file's hash."""

    base: str
    base_licence: str | None
    seeds: str
    data: Path
    data_sha256: str


def card(origin: Origin, params: TrainParams, examples: Sequence[Example], metrics: Mapping[str, Any]) -> str:
    """Give the card's text."""
    from huggingface_hub import ModelCardData

    front = ModelCardData(
        license=origin.base_licence,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["code", "evol-instruct"],
    )
    return "\n".join(
        (
            f"---\n{front.to_yaml()}\n---",
            "# A code model tuned by Code Evol-Instruct\n",
            f"`{origin.base}`, fine-tuned on {metrics['examples']:,} instruction-response pairs that were evolved as "
            "in WizardCoder (arXiv 2306.08568); loss on the response only.\n",
            "## How it is asked\n",
            "The chat template gives this prompt; without it, ask in these words:\n",
            f"```\n{params.prompt}\n```\n",
            "## What it was made of\n",
            _data(origin, examples),
            "## How it was trained\n",
            _training(params, metrics),
            "## Scores\n",
            "Measured after this file was written: `metrics/evaluate.json` of the same commit.\n",
            "## Licences\n",
            _licences(origin, examples),
        )
    )


def licence_of(base: Path) -> str | None:
    """Give the licence that the base model's own card states."""
    from huggingface_hub import ModelCard

    path = base / "README.md"
    if not path.is_file():
        return None
    try:
        found = ModelCard.load(path, ignore_metadata_errors=True).data.license
    except (ValueError, OSError):
        return None
    return found if isinstance(found, str) else None


def _data(origin: Origin, examples: Sequence[Example]) -> str:
    rounds = Counter(example.round for example in examples)
    rows = "\n".join(f"| {number} | {count:,} |" for number, count in sorted(rounds.items()))
    return (
        f"Seeds: `{origin.seeds}`. Records: `{origin.data}`, sha256 `{origin.data_sha256}`, {len(examples):,} in all, "
        f"held-out ones included:\n\n| round | records |\n|---|---|\n{rows}\n"
    )


def _training(params: TrainParams, metrics: Mapping[str, Any]) -> str:
    rows = [(name, getattr(params, name)) for name in TOLD]
    rows += [(name, metrics[name]) for name in ("steps", "tokens", "loss_first", "loss_last")]
    rows += [(name, metrics[name]) for name in ("held_out_loss_before", "held_out_loss_after") if name in metrics]
    if params.lora.rank:
        rows.append(("lora.rank", f"{params.lora.rank}, merged"))
    return "| setting | value |\n|---|---|\n" + "\n".join(f"| {name} | {_told(value)} |" for name, value in rows) + "\n"


def _licences(origin: Origin, examples: Sequence[Example]) -> str:
    models = {e.instruct_model for e in examples} | {e.respond_model for e in examples}
    teachers = ", ".join(f"`{name}`" for name in sorted(filter(None, models))) or "none"
    return (
        "All of them bind whoever uses these weights:\n\n"
        f"- the base model `{origin.base}`: {origin.base_licence or UNKNOWN}\n"
        f"- the seeds `{origin.seeds}`: the licence of that set\n"
        f"- the models that wrote instructions and answers ({teachers}): the terms on their output\n"
    )


def _told(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
