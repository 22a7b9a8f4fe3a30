"""Complete a directory of weights with tokenizer, chat template and generation settings, so that transformers loads it.

Tried by hand, not in the tests: llama.cpp's converter, whose file gives the same answers. Not tried: vLLM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.training.model_package import chat_template
from wizardcoder.training.settings import TrainParams
from wizardcoder.training.tokenization import require_end_token

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(base: Path) -> PreTrainedTokenizerBase:
    """Load the base model's tokenizer.

    Raises:
        StageError: the directory has none, or it has no end-of-sequence token.
    """
    from transformers import AutoTokenizer

    if not (base / "tokenizer_config.json").is_file():
        raise StageError(f"{base}: no tokenizer_config.json, accepted: a transformers directory with a tokenizer")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
    except (OSError, ValueError, ImportError) as exc:
        raise StageError(f"{base}: its tokenizer cannot be loaded: {' '.join(str(exc).split())[:200]}") from exc
    require_end_token(tokenizer, base)
    return tokenizer


def complete(out: Path, tokenizer: PreTrainedTokenizerBase, params: TrainParams) -> None:
    """Write tokenizer, chat template and generation settings into `out`."""
    from transformers import AutoConfig, GenerationConfig

    tokenizer.chat_template = chat_template.make_template(params.prompt, *chat_template.special_tokens(tokenizer))
    if not chat_template.matches_training(tokenizer, params.prompt):
        console.say(
            "train: warning: with this tokenizer, the chat template yields other tokens than the training prompt"
        )
    tokenizer.save_pretrained(out)
    _use_cache(out)
    config = AutoConfig.from_pretrained(out)
    own = getattr(config, "eos_token_id", None)
    ends = own if isinstance(own, list) else [own]
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    GenerationConfig(
        bos_token_id=getattr(config, "bos_token_id", None),
        eos_token_id=sorted({token for token in (*ends, tokenizer.eos_token_id) if token is not None}),
        pad_token_id=pad,
        decoder_start_token_id=getattr(config, "decoder_start_token_id", None),
        max_new_tokens=params.max_tokens,
        do_sample=False,
    ).save_pretrained(out)


def _use_cache(out: Path) -> None:
    """Enable the key-value cache, which training disables."""
    path = out / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"use_cache": True}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
