"""Answers and log-likelihoods of a language model, a decoder or an encoder-decoder, by transformers.

In: a model directory, and the prompts of one batch. Out: an answer to each, greedy or sampled, and the mean negative
log-likelihood of given continuations. Which prompts form a batch, and what is known already, is sampler.py's part.

    python -m wizardcoder.generation.local_model --model models/wizardcoder "Write a function that reverses a list."

answers in the terminal, asking by the model's chat template.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizardcoder.core import console, paths
from wizardcoder.core.console import StageError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode with its tokenizer, on this process's GPU where there is one."""

    model: Any
    tokenizer: Any
    device: str


def load_model(directory: Path, dtype: str) -> LoadedModel:
    """Load a transformers directory for generation; `dtype` is a torch type's name, such as `bfloat16`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    device = "cpu"
    if torch.cuda.is_available():
        device = f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"
        torch.cuda.set_device(device)
    tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    pair = AutoConfig.from_pretrained(directory).is_encoder_decoder
    kind = AutoModelForSeq2SeqLM if pair else AutoModelForCausalLM
    model = kind.from_pretrained(directory, dtype=getattr(torch, dtype), device_map=device).eval()
    model.generation_config = _only_token_ids(model.generation_config, tokenizer)
    return LoadedModel(model, tokenizer, device)


def generate_batch(
    loaded: LoadedModel, prompts: Sequence[str], *, max_new_tokens: int, temperature: float, top_p: float, seed: int
) -> list[str]:
    """Give an answer to each prompt of one batch; it ends at an end-of-sequence token or after `max_new_tokens`.

    Args:
        loaded: from `load_model`, which takes out what the model's own generation_config would change.
        prompts: padded on the left to the longest.
        max_new_tokens: of one answer.
        temperature: 0 is greedy; `top_p` and `seed` then say nothing.
        top_p: above 0; 1 keeps every token.
        seed: of this batch alone; the process's own random state is left as it was.

    Raises:
        torch.OutOfMemoryError: the GPU cannot hold the batch.
    """
    import torch

    how: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        # without top_k=0 transformers draws from the 50 likeliest tokens only
        how = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    batch = loaded.tokenizer(list(prompts), return_tensors="pt", padding=True).to(loaded.device)
    asked = batch["input_ids"]
    gpus = [loaded.device] if loaded.device != "cpu" else []
    with torch.inference_mode(), torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        output = loaded.model.generate(
            input_ids=asked,
            attention_mask=batch["attention_mask"],
            max_new_tokens=max_new_tokens,
            use_cache=True,  # a model saved after training may have it off
            **how,
        )
    if loaded.model.config.is_encoder_decoder:  # the answer stands alone
        return _decoded(loaded.tokenizer, output)
    return _texts_after(loaded.tokenizer, asked, output)


def negative_log_likelihood(loaded: LoadedModel, context: str, continuation: str) -> float:
    """Give the mean negative log-likelihood per token of `continuation` after `context`, in nats.

    An encoder-decoder reads the context in its encoder and writes the continuation from its start.
    """
    import torch

    before = loaded.tokenizer(context)["input_ids"]
    after = loaded.tokenizer(continuation, add_special_tokens=False)["input_ids"]
    if loaded.model.config.is_encoder_decoder:
        labels = torch.tensor([after], device=loaded.device)
        with torch.inference_mode():
            return float(loaded.model(input_ids=torch.tensor([before], device=loaded.device), labels=labels).loss)
    ids = torch.tensor([before + after], device=loaded.device)
    with torch.inference_mode():
        logits: torch.Tensor = loaded.model(input_ids=ids, logits_to_keep=len(after) + 1).logits
    predicted = logits[0, :-1].float()
    return float(torch.nn.functional.cross_entropy(predicted, ids[0, -len(after) :]))


def _only_token_ids(own: Any, tokenizer: Any) -> Any:  # noqa: ANN401 - transformers' classes are untyped here
    """Give a generation config that says where an answer ends and nothing else.

    `generate` fills every setting its caller leaves out from the model's own config (transformers 5.23,
    `_prepare_generation_config`): a repetition_penalty or top_k there would change what is measured.
    """
    from transformers import GenerationConfig

    ends = own.eos_token_id if isinstance(own.eos_token_id, list) else [own.eos_token_id]
    known = sorted({token for token in (*ends, tokenizer.eos_token_id) if token is not None})
    start = own.decoder_start_token_id
    return GenerationConfig(
        eos_token_id=known or None, pad_token_id=tokenizer.pad_token_id, decoder_start_token_id=start
    )


def _texts_after(tokenizer: Any, asked: torch.Tensor, output: torch.Tensor) -> list[str]:  # noqa: ANN401 - as above
    """Decode what follows the prompts `asked` (batch, prompt_len) in `output` (batch, prompt_len + new).

    It is cut out of the decoded whole: SentencePiece drops a text's first space, and with it a line's indentation.
    """
    before, whole = (_decoded(tokenizer, ids) for ids in (asked, output))
    return [text[len(prompt) :] for prompt, text in zip(before, whole, strict=True)]


def _decoded(tokenizer: Any, ids: torch.Tensor) -> list[str]:  # noqa: ANN401 - as above
    # the clean-up takes spaces away before punctuation, in code too
    texts: list[str] = tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return texts


def main() -> None:
    """Answer one instruction in the terminal, word by word."""
    parser = argparse.ArgumentParser(
        prog="python -m wizardcoder.generation.local_model", description="Ask a model once."
    )
    parser.add_argument("instruction")
    parser.add_argument("--model", type=Path, default=paths.TUNED_MODEL, help="a transformers directory")
    parser.add_argument("--max-new-tokens", type=int, default=512)
    parser.add_argument("--dtype", default="auto", help="a torch type; auto: bfloat16 on a GPU, else float32")
    options = parser.parse_args()
    if not (options.model / "config.json").is_file():
        raise StageError(f"--model: {options.model}: no config.json, accepted: a transformers directory")
    import torch
    from transformers import TextStreamer

    loaded = load_model(options.model, _dtype_for(options.dtype))
    chat = [{"role": "user", "content": options.instruction}]
    if loaded.tokenizer.chat_template is None:
        raise StageError(f"--model: {options.model}: its tokenizer has no chat template")
    asked = loaded.tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    pair = loaded.model.config.is_encoder_decoder
    streamer = TextStreamer(loaded.tokenizer, skip_prompt=not pair, skip_special_tokens=True)
    with torch.inference_mode():
        loaded.model.generate(
            **asked.to(loaded.device), max_new_tokens=options.max_new_tokens, do_sample=False, streamer=streamer
        )


def _dtype_for(told: str) -> str:
    """Give the type's name: 16 bits are several times slower on most CPUs."""
    import torch

    if told != "auto":
        return told
    return "bfloat16" if torch.cuda.is_available() else "float32"


if __name__ == "__main__":
    console.entry(main)
