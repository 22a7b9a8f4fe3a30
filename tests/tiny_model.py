"""Random models of two layers with a byte-level BPE tokenizer, as ordinary transformers directories."""

from __future__ import annotations

from pathlib import Path

LINES = [
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
    "Create a Python script for this problem: def add(a, b): return a + b",
    "Write a function that reverses a list and returns the number of swaps it made.",
]
VOCABULARY = 300
EOS = "</s>"
DROPOUTS = ("resid_pdrop", "embd_pdrop", "attn_pdrop")  # drawn: no two runs of another shape are alike


def build(directory: Path, architecture: str = "llama") -> None:
    """Write a model (llama, gpt_bigcode as StarCoder's, t5 as CodeT5+'s) and its tokenizer; always the same weights."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(LINES, vocab_size=VOCABULARY, special_tokens=[EOS], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token=EOS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _model(architecture, len(tokenizer), tokenizer.eos_token_id)
    model.to(torch.float32).save_pretrained(directory)
    tokenizer.save_pretrained(directory)


def _model(architecture: str, vocabulary: int, eos: int):
    import transformers as t

    if architecture == "gpt_bigcode":
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 4096} | dict.fromkeys(DROPOUTS, 0.0)
        return t.GPTBigCodeForCausalLM(
            t.GPTBigCodeConfig(vocab_size=vocabulary, **sizes, bos_token_id=eos, eos_token_id=eos)
        )
    if architecture == "t5":
        sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
        ends = {"pad_token_id": eos, "eos_token_id": eos, "decoder_start_token_id": eos}
        return t.T5ForConditionalGeneration(t.T5Config(vocab_size=vocabulary, **sizes, **ends))
    return t.LlamaForCausalLM(
        t.LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            bos_token_id=None,
            eos_token_id=eos,
        )
    )
