"""Greedy answers and log-likelihoods of a causal language model, by transformers.

In: a model directory, prompts. Out: answers, and the mean negative log-likelihood of given continuations. Prompts are
batched by length and padded on the left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode with its tokenizer, on the GPU where there is one."""

    model: Any
    tokenizer: Any
    device: str


def load_model(directory: Path, dtype: str) -> LoadedModel:
    """Load a transformers directory for generation; `dtype` is a torch type's name, such as `bfloat16`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    tokenizer = AutoTokenizer.from_pretrained(directory, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=getattr(torch, dtype)).to(device).eval()
    return LoadedModel(model, tokenizer, device)


def generate(
    loaded: LoadedModel, prompts: Sequence[str], max_new_tokens: int, batch_size: int
) -> Iterator[tuple[int, str]]:
    """Yield (index of the prompt, greedy answer), in order of batches of similar length.

    An answer ends at the end-of-sequence token or after `max_new_tokens`.
    """
    import torch

    by_length = sorted(range(len(prompts)), key=lambda i: len(loaded.tokenizer(prompts[i])["input_ids"]))
    for start in range(0, len(by_length), batch_size):
        indices = by_length[start : start + batch_size]
        batch = loaded.tokenizer([prompts[i] for i in indices], return_tensors="pt", padding=True).to(loaded.device)
        with torch.inference_mode():
            output = loaded.model.generate(
                **batch, max_new_tokens=max_new_tokens, do_sample=False, pad_token_id=loaded.tokenizer.pad_token_id
            )
        answers = output[:, batch["input_ids"].shape[1] :]
        yield from zip(indices, loaded.tokenizer.batch_decode(answers, skip_special_tokens=True), strict=True)


def negative_log_likelihood(loaded: LoadedModel, context: str, continuation: str) -> float:
    """Give the mean negative log-likelihood per token of `continuation` after `context`, in nats."""
    import torch

    before = loaded.tokenizer(context)["input_ids"]
    after = loaded.tokenizer(continuation, add_special_tokens=False)["input_ids"]
    ids = torch.tensor([before + after], device=loaded.device)
    with torch.inference_mode():
        logits: torch.Tensor = loaded.model(input_ids=ids, logits_to_keep=len(after) + 1).logits
    predicted = logits[0, :-1].float()
    return float(torch.nn.functional.cross_entropy(predicted, ids[0, -len(after) :]))
