"""What a user of the tuned model needs beside its weights: tokenizer, chat template, generation settings.

In: a directory with weights and config.json, the base's. Out: the directory completed, so that transformers takes it as
it is. Tried by hand, not in the tests: llama.cpp's converter, whose file answers as transformers does. Not tried: vLLM.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from wizardcoder.core import console
from wizardcoder.core.console import StageError
from wizardcoder.training.model_package import chat_template
from wizardcoder.training.settings import TrainParams
from wizardcoder.training.tokenization import need_end

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def load_tokenizer(base: Path) -> PreTrainedTokenizerBase:
    """Load the base model's tokenizer.

    Raises:
        StageError: the directory has none, or it has no token that ends an answer.
    """
    from transformers import AutoTokenizer

    if not (base / "tokenizer_config.json").is_file():
        raise StageError(f"{base}: no tokenizer_config.json, accepted: a transformers directory with a tokenizer")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
    except (OSError, ValueError, ImportError) as exc:
        raise StageError(f"{base}: its tokenizer cannot be loaded: {' '.join(str(exc).split())[:200]}") from exc
    need_end(tokenizer, base)
    return tokenizer


def complete(out: Path, tokenizer: PreTrainedTokenizerBase, params: TrainParams) -> None:
    """Write tokenizer, template and generation settings into `out`."""
    from transformers import AutoConfig, GenerationConfig

    tokenizer.chat_template = chat_template.template_of(params.prompt, *chat_template.around(tokenizer))
    if not chat_template.asks_alike(tokenizer, params.prompt):
        console.say("train: with this tokenizer the chat template's tokens differ from the training prompt's")
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
    """Switch the key-value cache on again, which training switches off."""
    path = out / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"use_cache": True}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
