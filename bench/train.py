"""Compare the stage's trainer with plain TRL and with the paper's script style, on the same records.

    python bench/train.py --records code_alpaca_2k.json --take 500 --steps 12

Each trainer takes the same number of optimizer steps over its own random batches, in its own process, one after the
other; rounds are interleaved. Tokens are those of the records, without padding. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import (
        PreTrainedModel,
        PreTrainedTokenizerBase,
        Trainer,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )

    from wizardcoder.training.settings import TrainParams
    from wizardcoder.training.tokenization import TokenizedExample

ROOT = Path(__file__).resolve().parent.parent
WAYS = ("ours", "trl", "trl_without_checkpointing", "paper")


def main() -> None:
    """Run every way in turn and print the table."""
    options = parse_arguments()
    if options.way:
        measure_way(options)
        return
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for _ in range(options.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, *sys.argv[1:], "--way", way]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment())
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
            print(way, found[way][-1], file=sys.stderr)
    base = median([run["tokens_per_s"] for run in found["ours"]])
    columns = ("trainer", "tokens/s", "ours / it", "tokens per CPU second", "padding share", "peak GB")
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|")
    for way, runs in found.items():
        rate, cpu, padding, peak = (
            median([run[key] for run in runs])
            for key in ("tokens_per_s", "tokens_per_cpu_s", "padding_share", "peak_gb")
        )
        print(f"| {way} | {rate:.0f} | {base / rate:.2f} | {cpu:.0f} | {padding:.1%} | {peak:.1f} |")


def measure_way(options: argparse.Namespace) -> None:
    """Train in one way and print the measurements as JSON."""
    import torch
    from transformers import AutoTokenizer, TrainerCallback

    from stages import train
    from wizardcoder.core.params import load
    from wizardcoder.core.records import Example
    from wizardcoder.training.rows import prepare_rows

    tokenizer = AutoTokenizer.from_pretrained(options.base)
    records = json.loads(options.records.read_text(encoding="utf-8"))[: options.take]
    examples = [
        Example(f"{n}", None, 0, None, "\n".join(filter(None, (r["instruction"], r.get("input")))), r["output"])
        for n, r in enumerate(records)
    ]
    os.chdir(ROOT)
    params = load(train.Params).train
    rows = prepare_rows(params, examples, tokenizer, options.records, encoder_decoder=False).train.rows
    clock: dict[str, float] = {}

    class Clock(TrainerCallback):
        """Times the steps after the first one, which fills caches."""

        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
        ) -> None:
            """Start after the first step, stop after the last."""
            if state.global_step == 1:
                clock.update(wall=time.perf_counter(), cpu=time.process_time(), **count_tokens(trainer))
            elif state.global_step == options.steps:
                clock["wall"] = time.perf_counter() - clock["wall"]
                clock["cpu"] = time.process_time() - clock["cpu"]
                after = count_tokens(trainer)
                clock.update({key: after[key] - clock[key] for key in after})

    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(options, params, rows, tokenizer, Path(folder))
        trainer.add_callback(Clock())
        trainer.train()
    measured = {
        "tokens_per_s": clock["real"] / clock["wall"],
        "tokens_per_cpu_s": clock["real"] / clock["cpu"],
        "padding_share": 1 - clock["real"] / clock["computed"],
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "threads": float(torch.get_num_threads()),
    }
    print(json.dumps(measured))


def build_trainer(
    options: argparse.Namespace,
    params: TrainParams,
    rows: list[TokenizedExample],
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
) -> Trainer:
    """Return the trainer of one way; all have the same batch size, precision and number of steps."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, DataCollatorForSeq2Seq, Trainer, TrainingArguments
    from transformers.utils.logging import disable_progress_bar
    from trl import SFTConfig, SFTTrainer

    from wizardcoder.training import packing
    from wizardcoder.training import trainer as ours
    from wizardcoder.training.settings import accumulation_steps

    disable_progress_bar()
    data = ours.to_dataset(rows, encoder_decoder=False).shuffle(seed=params.seed)
    same = ours.training_arguments(params, folder) | {
        "max_steps": options.steps,
        "gradient_accumulation_steps": accumulation_steps(params, len(rows), len(rows)),
    }

    def load() -> PreTrainedModel:
        return AutoModelForCausalLM.from_pretrained(options.base, dtype=torch.float32)

    if options.way == "ours":
        how = {
            "train_sampling_strategy": "batch_rebalance",
            "padding_free": packing.uses_padding_free(params, None, AutoConfig.from_pretrained(options.base)),
        }
        return ours.make_decoder_trainer(same | how, load, data, None)
    peers = same | {
        "per_device_train_batch_size": options.peer_micro_batch_size,
        "gradient_accumulation_steps": params.batch_size // options.peer_micro_batch_size,
    }
    rows_of_peers = data.remove_columns("length")
    if options.way == "paper":  # its script: HF's Trainer, labels masked, padding to the longest of a random batch
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token

        class PaperStyle(ours.TokenCounter, Trainer):
            """Counts tokens as ours does."""

        return PaperStyle(
            model=load(),
            args=TrainingArguments(**peers),
            data_collator=DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=ours.IGNORED),
            processing_class=tokenizer,
            train_dataset=rows_of_peers,
        )

    class PlainTrl(ours.TokenCounter, SFTTrainer):
        """Counts tokens as ours does."""

    # TRL's own default is to checkpoint activations
    peers["activation_checkpointing"] = options.way == "trl"
    args = SFTConfig(max_length=None, dataset_kwargs={"skip_prepare_dataset": True}, **peers)
    return PlainTrl(model=load(), args=args, processing_class=tokenizer, train_dataset=rows_of_peers)


def count_tokens(trainer: Trainer) -> dict[str, float]:
    """Return the tokens so far."""
    real, computed = trainer.counts()
    return {"real": real, "computed": computed}


def median(values: list[float]) -> float:
    """Return the middle value."""
    return sorted(values)[len(values) // 2]


def environment() -> dict[str, str]:
    """Return variables that make the stages importable and the libraries quiet."""
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "TQDM_DISABLE": "1",
        "DS_ACCELERATOR": "cpu",
        "OMP_NUM_THREADS": str(len(os.sched_getaffinity(0))),
        "HF_HUB_OFFLINE": "1",
    }


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, required=True, help="a JSON list of instruction, input, output")
    parser.add_argument("--base", type=Path, default=ROOT / "models/base")
    parser.add_argument("--take", type=int, default=500, help="records")
    parser.add_argument("--steps", type=int, default=12, help="optimizer steps of each, the first not timed")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--peer-micro-batch-size", type=int, default=4)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
