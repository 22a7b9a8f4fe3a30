"""The model's README.md: what it was made of, how, what it scores, and under which licences.

In: facts of the run; where the model is published also its scores, its data set and its lineage. Out: Markdown with the
front matter that the hub reads. At the end of the training there is no score yet, and the card says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizardcoder.core import bundled_wheels
from wizardcoder.core.records import Example
from wizardcoder.training.model_package import licences
from wizardcoder.training.settings import TrainParams

UNSTATED = "not stated"
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
MEASURED = ("steps", "tokens", "loss_first", "loss_last", "held_out_loss_before", "held_out_loss_after")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the material comes from: the base's name, the seeds' source, the training file's hash, both licences."""

    base: str
    base_licence: str | None
    seeds: str
    seeds_licence: str | None
    data: Path
    data_sha256: str


@dataclass(frozen=True, slots=True)
class Published:
    """What is known once the model is published; `scores` are metrics/evaluate.json, empty where there are none.

    `dev` is the benchmark that `evaluate.dev` names, whose scores appear under `dev.` too.
    """

    scores: Mapping[str, Any]
    dev: str
    dataset: str
    lineage: str


def base_name(source: str) -> str:
    """Give the base model's name, of `base.source`."""
    return Path(bundled_wheels.GGUF_NAME).stem if source == "embedded" else source


def card(
    origin: Origin,
    params: TrainParams,
    examples: Iterable[Example],
    metrics: Mapping[str, Any],
    published: Published | None = None,
) -> str:
    """Give the card's text; `metrics` are those of the training."""
    from huggingface_hub import ModelCardData

    licence, licence_name = licences.together(origin.base_licence, origin.seeds_licence)
    front = ModelCardData(
        license=licence,
        license_name=licence_name,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["code", "evol-instruct"],
        datasets=[published.dataset] if published else None,
    )
    rounds: Counter[int] = Counter()
    teachers: set[str] = set()
    for example in examples:
        rounds[example.round] += 1
        teachers |= {name for name in (example.instruct_model, example.respond_model) if name}
    parts = [
        f"---\n{front.to_yaml()}\n---",
        "# A code model tuned by Code Evol-Instruct\n",
        f"`{origin.base}`, fine-tuned on {metrics['examples']:,} instruction-response pairs, seeds and what was "
        "evolved from them as in WizardCoder (arXiv 2306.08568); loss on the response only.\n",
        "## How it is asked\n",
        "The chat template gives this prompt; without it, ask in these words:\n",
        f"```\n{params.prompt}\n```\n",
        "## What it was made of\n",
        _data(origin, rounds, published),
        "## How it was trained\n",
        _training(params, metrics),
        "## Scores\n",
        _scores(published),
        "## Licences\n",
        _licences(origin, teachers),
    ]
    return "\n".join(parts + ([f"## Lineage\n\n{published.lineage}\n"] if published else []))


def _data(origin: Origin, rounds: Counter[int], published: Published | None) -> str:
    rows = "\n".join(f"| {number} | {count:,} |" for number, count in sorted(rounds.items()))
    link = f"[{published.dataset}](https://huggingface.co/datasets/{published.dataset}), " if published else ""
    return (
        f"Seeds: `{origin.seeds}`. Records: {link}`{origin.data}`, sha256 `{origin.data_sha256}`, "
        f"{rounds.total():,} in all, held-out ones included:\n\n| round | records |\n|---|---|\n{rows}\n"
    )


def _training(params: TrainParams, metrics: Mapping[str, Any]) -> str:
    rows = [(name, getattr(params, name)) for name in TOLD]
    rows += [(name, metrics[name]) for name in MEASURED if name in metrics]
    if params.lora.rank:
        rows.append(("lora.rank", f"{params.lora.rank}, merged"))
    return "| setting | value |\n|---|---|\n" + "\n".join(f"| {name} | {_told(value)} |" for name, value in rows) + "\n"


def _scores(published: Published | None) -> str:
    if published is None:
        return (
            "Not measured yet: this was written at the end of the training. The stage evaluate writes "
            "`metrics/evaluate.json`, and `wizardcoder export --push OWNER/NAME --model` "
            "a card that holds it.\n"
        )
    scores = published.scores
    names = sorted(key.removesuffix(".problems") for key in scores if key.endswith(".problems"))
    shown = [name for name in names if name != "dev" or published.dev == "dev"]
    found = [re.fullmatch(rf"({re.escape(name)})\.(pass_at_\d+)", key) for name in shown for key in scores]
    rows = [
        f"| {name} | {scores[f'{name}.problems']} | {measure.replace('pass_at_', 'pass@')} | "
        f"{_share(scores[key])} | {_share(scores[f'{key}.low'])} to {_share(scores[f'{key}.high'])} | "
        f"{_share(scores.get(f'{name}.base.{measure}'))} |"
        for key, name, measure in sorted((m[0], m[1], m[2]) for m in found if m)
    ]
    if not rows:
        return "None was measured.\n"
    head = "| benchmark | problems | measure | this model | 95 % interval | base model |\n|---|---|---|---|---|---|\n"
    how = f"\n\nAnswers taken by the rule `{scores.get('extract')}`, judged in mode `{scores.get('mode')}`.\n"
    return head + "\n".join(rows) + how


def _licences(origin: Origin, teachers: set[str]) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(teachers)) or "none"
    return (
        "All of them bind whoever uses these weights; where they differ, what one of them forbids is not allowed:\n\n"
        f"- the base model `{origin.base}`: {origin.base_licence or UNSTATED}\n"
        f"- the seeds `{origin.seeds}`: {origin.seeds_licence or UNSTATED}; what is derived from them inherits it\n"
        f"- the models that wrote instructions and answers ({names}): the terms on their output\n"
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _told(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
