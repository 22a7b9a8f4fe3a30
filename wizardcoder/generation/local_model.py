"""Load a language model with transformers, generate answers, and measure likelihoods.

For decoders and encoder-decoders. Batches and the answer store are in sampler.py.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizardcoder.core.console import StageError

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in evaluation mode with its tokenizer, on this process's GPU if there is one."""

    model: Any
    tokenizer: Any
    device: str


def load_model(directory: Path, dtype: str) -> LoadedModel:
    """Load a transformers directory for generation; `dtype` is the name of a torch type, such as `bfloat16`."""
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
    """Return an answer to each prompt of one batch; it ends at an end-of-sequence token or after `max_new_tokens`.

    Args:
        loaded: from `load_model`, which removes the sampling settings of the model's own generation_config.
        prompts: they are padded on the left to the longest.
        max_new_tokens: of one answer.
        temperature: 0 is greedy; `top_p` and `seed` are then unused.
        top_p: above 0; 1 keeps every token.
        seed: of this batch; the random state of the process is not changed.

    Raises:
        torch.OutOfMemoryError: the GPU cannot hold the batch.
    """
    import torch

    how: dict[str, Any] = {"do_sample": False}
    if temperature > 0:
        # without top_k=0, transformers samples from the 50 likeliest tokens only
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
            use_cache=True,  # a model saved after training may have it disabled
            **how,
        )
    if loaded.model.config.is_encoder_decoder:  # its output has no prompt
        return _decoded(loaded.tokenizer, output)
    return _texts_after(loaded.tokenizer, asked, output)


def negative_log_likelihood(loaded: LoadedModel, context: str, continuation: str) -> float:
    """Return the mean negative log-likelihood per token of `continuation` after `context`, in nats.

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
    """Return a generation config that has the end, padding and start tokens only.

    `generate` fills every setting that its caller omits from the model's own config (transformers 5.23,
    `_prepare_generation_config`): a repetition_penalty or top_k there would change the measurement.
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

    The whole is decoded and then cut, because SentencePiece drops the first space of a text, and so an indentation.
    """
    before, whole = (_decoded(tokenizer, ids) for ids in (asked, output))
    return [text[len(prompt) :] for prompt, text in zip(before, whole, strict=True)]


def _decoded(tokenizer: Any, ids: torch.Tensor) -> list[str]:  # noqa: ANN401 - as above
    # the clean-up would remove spaces before punctuation, in code too
    texts: list[str] = tokenizer.batch_decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return texts


def stream_answer(instruction: str, model: Path, *, max_new_tokens: int = 512, dtype: str = "auto") -> None:
    """Print the answer to one instruction while it is generated: the command `wizardcoder ask`.

    Args:
        instruction: the user's message; the model's chat template frames it.
        model: a transformers directory.
        max_new_tokens: the length limit of the answer.
        dtype: a torch type; auto: bfloat16 on a GPU, else float32.

    Raises:
        StageError: the directory is not a model, or its tokenizer has no chat template.
    """
    if not (model / "config.json").is_file():
        raise StageError(f"--model: {model}: no config.json, accepted: a transformers directory")
    import torch
    from transformers import TextStreamer

    loaded = load_model(model, _dtype_for(dtype))
    chat = [{"role": "user", "content": instruction}]
    if loaded.tokenizer.chat_template is None:
        raise StageError(f"--model: {model}: its tokenizer has no chat template")
    asked = loaded.tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    pair = loaded.model.config.is_encoder_decoder
    streamer = TextStreamer(loaded.tokenizer, skip_prompt=not pair, skip_special_tokens=True)
    with torch.inference_mode():
        loaded.model.generate(
            **asked.to(loaded.device), max_new_tokens=max_new_tokens, do_sample=False, streamer=streamer
        )


def _dtype_for(name: str) -> str:
    """Return the name of a torch type; `auto` is float32 on a CPU, where 16 bits are several times slower."""
    import torch

    if name != "auto":
        return name
    return "bfloat16" if torch.cuda.is_available() else "float32"
