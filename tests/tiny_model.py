"""A random Llama of two layers with a byte-level BPE tokenizer, as an ordinary transformers directory."""

from __future__ import annotations

from pathlib import Path

LINES = [
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
    "Create a Python script for this problem: def add(a, b): return a + b",
    "Write a function that reverses a list and returns the number of swaps it made.",
]
VOCABULARY = 300
EOS = "</s>"


def build(directory: Path) -> None:
    """Write the model and its tokenizer; the same weights every time."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(LINES, vocab_size=VOCABULARY, special_tokens=[EOS], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token=EOS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(tokenizer),
                hidden_size=32,
                intermediate_size=64,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=2,
                max_position_embeddings=4096,
                bos_token_id=None,
                eos_token_id=tokenizer.eos_token_id,
            )
        )
    model.to(torch.float32).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
