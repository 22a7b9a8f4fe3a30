"""The sizes of a model: parameters, layers, positions.

Reads config.json. Builds the model without its weights to count its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wizardcoder.core.console import StageError
from wizardcoder.training.settings import TrainParams


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A model's sizes; `embedding` counts the input embedding if the output layer does not share it."""

    architecture: str
    parameters: int
    embedding: int
    layers: int
    hidden: int
    positions: int | None
    encoder_decoder: bool

    @property
    def multiplied(self) -> int:
        """The parameters that every token is multiplied with; a table look-up is not a multiplication."""
        return self.parameters - self.embedding


def read_shape(base: Path) -> ModelShape:
    """Read the sizes of the model in a directory, which needs no weights.

    Raises:
        StageError: it is not a directory that transformers can load.
    """
    if not (base / "config.json").is_file():
        raise StageError(
            f"{base}: no config.json, accepted: a transformers directory; `dvc repro base` writes models/base"
        )
    try:
        return _count(base)
    except (ValueError, KeyError, OSError, ImportError) as exc:
        raise StageError(f"{base}: transformers cannot load it: {' '.join(str(exc).split())[:200]}") from exc


def check_positions(shape: ModelShape, params: TrainParams) -> None:
    """Refuse rows that are longer than the positions of the model."""
    if shape.positions is not None and params.max_tokens > shape.positions and not shape.encoder_decoder:
        raise StageError(
            f"params.yaml: train.max_tokens: found {params.max_tokens}, accepted: at most {shape.positions}, "
            "the positions of the base model"
        )


def _count(base: Path) -> ModelShape:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    config = AutoConfig.from_pretrained(base)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(config)
    text = config.get_text_config()
    tied = model.get_output_embeddings() is None or bool(config.tie_word_embeddings)
    return ModelShape(
        architecture=type(model).__name__,
        parameters=sum(p.numel() for p in model.parameters()),
        embedding=0 if tied else model.get_input_embeddings().weight.numel(),
        layers=text.num_hidden_layers * (2 if config.is_encoder_decoder else 1),
        hidden=text.hidden_size,
        positions=getattr(text, "max_position_embeddings", None),
        encoder_decoder=bool(config.is_encoder_decoder),
    )
