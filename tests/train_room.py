"""A project folder in which the stage train runs on a tiny model, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML
from tiny_model import build

from stages import train
from wizardcoder.core.records import Example, read_records, write_jsonl
from wizardcoder.training.outcomes import TrainOutcome

ROOT = Path(__file__).resolve().parents[1]
SMALL = {"max_tokens": 600, "max_steps": 4, "lr": 0.01, "batch_size": 4, "micro_batch_size": 2}


class TrainRoom:
    """Its params.yaml is the committed one with the sizes of `SMALL`; checkpoints are in `cache`."""

    def __init__(self, folder: Path, architecture: str = "llama", records: int = 20) -> None:
        self.folder = folder
        build(folder / "models/base", architecture)
        shutil.copytree(ROOT / "profiles/deepspeed", folder / "profiles/deepspeed")
        self.write_examples([example(n) for n in range(records)])
        self.set()

    def set(self, **changes: object) -> None:
        """Write params.yaml; `lora__rank=4` sets train.lora.rank."""
        params = YAML().load((ROOT / "params.yaml").read_text())
        for key, value in (SMALL | changes).items():
            *path, last = key.split("__")
            node = params["runtime"]["train"] if key in ("hostfile", "checkpoint_minutes") else params["train"]
            for part in path:
                node = node[part]
            node[last] = value
        with (self.folder / "params.yaml").open("w") as file:
            YAML().dump(params, file)

    def write_examples(self, examples: list[Example]) -> None:
        write_jsonl(self.folder / "data/decontaminated/examples.jsonl", examples)

    def run(self, monkeypatch) -> dict:
        """Run the stage in this process; return its metrics."""
        monkeypatch.chdir(self.folder)
        monkeypatch.setenv("WC_CACHE_DIR", str(self.folder / "cache"))
        monkeypatch.setenv("OMP_NUM_THREADS", "1")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        train.main()
        return json.loads((self.folder / "metrics/train.json").read_text())

    def start_program(self, name: str) -> subprocess.Popen:
        """Start a program of this folder in a process of its own."""
        own = {"WC_CACHE_DIR": str(self.folder / "cache"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([sys.executable, name], cwd=self.folder, env=os.environ | own)

    @property
    def model(self) -> Path:
        return self.folder / "models/wizardcoder"

    def weights(self) -> dict:
        from safetensors.torch import load_file

        return load_file(self.model / "model.safetensors")

    def outcomes(self) -> dict[str, str]:
        return {item.id: item.outcome for item in read_records(self.folder / "data/train/outcomes.jsonl", TrainOutcome)}

    def checkpoints(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("cache/checkpoints/*/checkpoint-*"))


def example(n: int, words: str = "") -> Example:
    asked = f"Write a function that adds {n} to a number{' please' * (n % 5)}{words}"
    return Example(f"{n:04x}", None, 0, None, asked, "```python\ndef f(x):\n    return x + 1\n```" * (1 + n % 3))
