"""Which records share a row.

Packing fills rows with several records; padding-free micro-batches join their records in one row. Both need an
attention in which the records of a row do not see each other.
"""

from __future__ import annotations

from typing import Any

import torch

from wizardcoder.core.console import StageError
from wizardcoder.training.settings import TrainParams

# decoders whose attention mask follows from the positions, so that the records of a row do not see each other; other
# models derive it differently or have additional state. A test checks each of these.
MASKED_BY_POSITION = frozenset(
    ("codegen", "gpt2", "gpt_bigcode", "gpt_neox", "llama", "mistral", "phi", "qwen2", "qwen3", "starcoder2")
)


def uses_packing(params: TrainParams, attention: str | None, config: Any) -> bool:  # noqa: ANN401 - transformers' config
    """Return whether rows have several records.

    `auto` packs with flash attention only: it separates records at no cost, while a mask costs the square of a row.

    Raises:
        StageError: `train.packing` is always, and the records of a row would see each other.
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


def uses_padding_free(params: TrainParams, attention: str | None, config: Any) -> bool:  # noqa: ANN401 - transformers' config
    """Return whether the records of a micro-batch are joined in one row and separated by a mask, without padding.

    On a CPU only: there a mask is cheaper than padding, while a GPU's fused kernels do not support one.
    """
    if params.packing != "auto" or attention not in (None, "sdpa") or torch.cuda.is_available():
        return False
    limit = getattr(config.get_text_config(), "max_position_embeddings", None)  # some models' masks end there
    fits = limit is None or params.micro_batch_size * params.max_tokens <= limit
    return fits and config.model_type in MASKED_BY_POSITION
