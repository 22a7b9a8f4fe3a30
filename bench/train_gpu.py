"""Measure the stage's trainer on one GPU: a random Llama of about one billion parameters, packed sequences of 2,048.

    python bench/train_gpu.py                  tokens/s, MFU, memory; also of TRL's own example
    python bench/train_gpu.py --size 7b        a full fine-tune of 7 billion: does it fit on this card?

Goal on an H200: at least 45 % MFU, and at least TRL's tokens/s in the same session. Weights and tokens are random, so
that nothing is downloaded; speed does not depend on them. Results: bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import LlamaConfig

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("ours", "trl")
SIZES = {  # hidden, intermediate, layers, heads, key-value heads: Llama 3.2's 1B and Llama 2's 7B
    "1b": (2048, 8192, 16, 32, 8),
    "7b": (4096, 11008, 32, 32, 32),
    "tiny": (64, 128, 2, 4, 2),
}
VOCABULARY = 32_000
WARM_UP = 3  # steps that are not timed


def main() -> None:
    """Run each way in a process of its own and print the table."""
    options = parse_arguments()
    if options.way:
        measure_way(options)
        return
    print("| trainer | model | tokens/s | MFU | peak GB | s a step | attention |\n|" + "---|" * 7)
    for way in WAYS:
        command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment())
        if done.returncode:
            print(f"| {way} | {options.size} | {done.stderr.strip().splitlines()[-1][:150]} |")
            continue
        run = json.loads(done.stdout.splitlines()[-1])
        print(
            f"| {way} | {options.size} | {run['tokens_per_s']:,.0f} | {run['mfu']:.1%} | {run['peak_gb']:.1f} "
            f"| {run['step_s']:.2f} | {run['attention']} |"
        )


def measure_way(options: argparse.Namespace) -> None:
    """Train in one way and print the measurements as JSON."""
    import torch
    from datasets import Dataset
    from transformers import AutoTokenizer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
    from transformers.utils import is_flash_attn_2_available
    from trl import SFTConfig, SFTTrainer, pack_dataset

    from wizardcoder.core.disk import GB
    from wizardcoder.training import devices, trainer
    from wizardcoder.training.planning import formulas
    from wizardcoder.training.planning.model_shape import read_shape

    clock: list[float] = []

    class Clock(TrainerCallback):
        """Records when each step ends; the loss is read then, so the GPU has finished."""

        def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
            """Record the time."""
            clock.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "base"
        write_base(base, options.size)
        steps, gpu = options.steps + WARM_UP, torch.cuda.is_available()
        generator = torch.Generator().manual_seed(0)
        lengths = torch.randint(150, 700, (options.batch * steps * options.sequence // 400,), generator=generator)
        rows = [torch.randint(5, VOCABULARY, (int(n),), generator=generator).tolist() for n in lengths]
        data = Dataset.from_list([{"input_ids": ids, "labels": [-100] * 60 + ids[60:]} for ids in rows])
        packed = pack_dataset(data, options.sequence)
        flash = gpu and is_flash_attn_2_available()
        attention = "flash_attention_2" if flash else "sdpa"
        common: dict[str, Any] = {
            "output_dir": folder,
            "max_steps": steps,
            "per_device_train_batch_size": options.batch,
            "bf16": gpu,
            "use_cpu": not gpu,
            "activation_checkpointing": options.checkpointing,
            "use_liger_kernel": options.liger,
            "torch_compile": options.compile,
            "optim": "adamw_torch_fused",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }
        args = SFTConfig(max_length=None, packing=True, dataset_kwargs={"skip_prepare_dataset": True}, **common)
        kind = trainer.DecoderTrainer if options.way == "ours" else SFTTrainer
        model = load(base, attention, sixteen_bit=options.way == "trl")
        made = kind(model=model, args=args, train_dataset=packed, processing_class=AutoTokenizer.from_pretrained(base))
        made.add_callback(Clock())
        made.train()
        shape = read_shape(base)
    step_s = (clock[WARM_UP + options.steps - 1] - clock[WARM_UP - 1]) / options.steps
    tokens_per_s = sum(map(len, packed["input_ids"])) / len(packed) * options.batch / step_s
    mean = float((lengths.double() ** 2).sum() / lengths.sum())
    peak = devices.detect().peak_flops or float("nan")
    measured = {
        "tokens_per_s": tokens_per_s,
        "mfu": formulas.flops_of(shape, tokens_per_s, mean) / peak,
        "peak_gb": devices.peak_memory_bytes() / GB,
        "step_s": step_s,
        "attention": attention,
    }
    print(json.dumps(measured))


def load(base: Path, attention: str, *, sixteen_bit: bool) -> Any:  # noqa: ANN401 - an untyped model
    """Load the model as the stage does, in 32 bits with autocast; TRL's example script loads it in 16."""
    import torch
    from transformers import AutoModelForCausalLM

    dtype = torch.bfloat16 if sixteen_bit else torch.float32
    return AutoModelForCausalLM.from_pretrained(base, dtype=dtype, attn_implementation=attention)


def write_base(folder: Path, size: str) -> None:
    """Write a random model, and a tokenizer that only has to exist."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        LlamaForCausalLM(build_config(size)).to(torch.bfloat16).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({"</s>": 0, "<unk>": 1}, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=words, eos_token="</s>").save_pretrained(folder)


def build_config(size: str) -> LlamaConfig:
    """Return the configuration of a size."""
    from transformers import LlamaConfig

    hidden, intermediate, layers, heads, key_value_heads = SIZES[size]
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads,
        max_position_embeddings=4096,
        eos_token_id=0,
        bos_token_id=None,
    )


def environment() -> dict[str, str]:
    """Return variables that make the stages importable and the libraries quiet."""
    return os.environ | {"PYTHONPATH": str(ROOT), "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1"}


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1b")
    parser.add_argument("--sequence", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=8, help="rows of a step; 1 for 7b")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--checkpointing", action="store_true", help="needed for 7b")
    parser.add_argument("--liger", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
