"""The model's README.md: data, training, scores and licences, from templates/model_card.md.j2.

The front matter is what the hub reads. A card written at the end of the training has no scores; the one that is
published with the model has scores, its data set and its lineage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from wizardcoder.core import bundled_wheels
from wizardcoder.core.records import Example
from wizardcoder.training.model_package import licences
from wizardcoder.training.settings import TrainParams

TEMPLATES = Path(__file__).resolve().parents[3] / Path("templates")
TEMPLATE = "model_card.md.j2"
SETTINGS = (
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
MEASUREMENTS = ("steps", "tokens", "loss_first", "loss_last", "held_out_loss_before", "held_out_loss_after")


@dataclass(frozen=True, slots=True)
class ModelOrigin:
    """What a model was made from: base model, source of the seeds, both licences, and the training file's hash."""

    base: str
    base_licence: str | None
    seeds: str
    seeds_licence: str | None
    data: Path
    data_sha256: str


@dataclass(frozen=True, slots=True)
class PublishedFacts:
    """What is known when the model is published; `scores` are metrics/evaluate.json, empty if it was not evaluated.

    `dev` is the benchmark of `evaluate.dev`, whose scores are repeated under `dev.`.
    """

    scores: Mapping[str, Any]
    dev: str
    dataset: str
    lineage: str


def base_name(source: str) -> str:
    """Return the name of the base model that `base.source` refers to."""
    return Path(bundled_wheels.GGUF_NAME).stem if source == "embedded" else source


def model_card(
    origin: ModelOrigin,
    params: TrainParams,
    examples: Iterable[Example],
    metrics: Mapping[str, Any],
    published: PublishedFacts | None = None,
) -> str:
    """Return the text of the card; `metrics` are those of the training."""
    rounds: Counter[int] = Counter()
    teachers: set[str] = set()
    for example in examples:
        rounds[example.round] += 1
        teachers |= {name for name in (example.instruct_model, example.respond_model) if name}
    return _template().render(
        front_matter=_front_matter(origin, published),
        origin=origin,
        prompt=params.prompt,
        metrics=metrics,
        rounds=[{"round": number, "count": count} for number, count in sorted(rounds.items())],
        training=_training_rows(params, metrics),
        scores=_score_rows(published) if published else [],
        teachers=", ".join(f"`{name}`" for name in sorted(teachers)) or "none",
        published=published,
    )


def _template() -> Template:
    env = Environment(  # noqa: S701 - Markdown, not HTML
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    env.keep_trailing_newline = True
    env.filters["cell"] = lambda value: f"{value:.6g}" if isinstance(value, float) else str(value)
    env.filters["share"] = lambda value: "" if value is None else f"{value:.1%}"
    return env.get_template(TEMPLATE)


def _front_matter(origin: ModelOrigin, published: PublishedFacts | None) -> str:
    from huggingface_hub import ModelCardData

    licence, licence_name = licences.combine(origin.base_licence, origin.seeds_licence)
    return ModelCardData(
        license=licence,
        license_name=licence_name,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["code", "evol-instruct"],
        datasets=[published.dataset] if published else None,
    ).to_yaml()


def _training_rows(params: TrainParams, metrics: Mapping[str, Any]) -> list[tuple[str, object]]:
    rows = [(name, getattr(params, name)) for name in SETTINGS]
    rows += [(name, metrics[name]) for name in MEASUREMENTS if name in metrics]
    return rows + ([("lora.rank", f"{params.lora.rank}, merged")] if params.lora.rank else [])


def _score_rows(published: PublishedFacts) -> list[dict[str, Any]]:
    """Return a row for each benchmark and k; the scores repeated under `dev.` are left out."""
    scores = published.scores
    names = sorted(key.removesuffix(".problems") for key in scores if key.endswith(".problems"))
    shown = [name for name in names if name != "dev" or published.dev == "dev"]
    found = [re.fullmatch(rf"({re.escape(name)})\.(pass_at_\d+)", key) for name in shown for key in scores]
    return [
        {
            "benchmark": name,
            "problems": scores[f"{name}.problems"],
            "measure": measure.replace("pass_at_", "pass@"),
            "value": scores[key],
            "low": scores[f"{key}.low"],
            "high": scores[f"{key}.high"],
            "base": scores.get(f"{name}.base.{measure}"),
        }
        for key, name, measure in sorted((m[0], m[1], m[2]) for m in found if m)
    ]
