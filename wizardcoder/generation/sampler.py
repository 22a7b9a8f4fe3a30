"""Draws n samples a prompt from a model, through the answer store: nothing is generated or paid for twice.

In: prompts, and what determines an answer (`Sampling`, the model). Out: the samples of each prompt; each is kept in the
store the moment it exists, so that a rerun asks only for what is missing. Several processes (torchrun, accelerate
launch) share the work without waiting for each other: each fills its own share, and a plain run afterwards finds
everything. Here is the transformers directory; endpoint_sampler.py asks an endpoint in the same way.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from wizardcoder.core import console
from wizardcoder.core.console import StageError, Track
from wizardcoder.core.model_files import hash_model_files
from wizardcoder.core.store import AnswerStore, Key
from wizardcoder.generation.local_model import LoadedModel, generate_batch, load_model


@dataclass(frozen=True, slots=True)
class Sampling:
    """What, with model and prompt, determines an answer; raises StageError for values that mean nothing."""

    n: int  # samples a prompt
    temperature: float  # 0: greedy
    top_p: float
    max_new_tokens: int
    seed: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise StageError(f"evaluate.samples: found {self.n}, accepted: 1 or more")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise StageError(f"evaluate.temperature: found {self.temperature}, accepted: 0 (greedy) or more")
        if not 0 < self.top_p <= 1:
            raise StageError(f"evaluate.top_p: found {self.top_p}, accepted: above 0, at most 1")
        if self.max_new_tokens < 1:
            raise StageError(f"evaluate.max_new_tokens: found {self.max_new_tokens}, accepted: 1 or more")
        if self.temperature == 0 and self.n > 1:
            raise StageError(f"evaluate.samples: found {self.n}, accepted: 1 where evaluate.temperature is 0 (greedy)")

    def drawn(self) -> dict[str, Any]:
        """Give what determines one sample beside its number: a greedy answer depends on no seed."""
        greedy = {"temperature": 0.0, "max_new_tokens": self.max_new_tokens}
        if self.temperature == 0:
            return greedy
        return greedy | {"temperature": float(self.temperature), "top_p": float(self.top_p), "seed": self.seed}


class Sampler(Protocol):
    """A model that is asked; `contextlib.closing` closes it."""

    def settings(self) -> dict[str, Any]:
        """Give model, sampling and library versions as JSON values, to stand beside the samples."""
        ...

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """Draw the samples that the store lacks, `n` a prompt (None: as many as the sampling says).

        In one of several processes (`shard`) only this one's share.
        """
        ...

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """Fill, and give the samples as [prompt][sample]. One of several processes calls `fill` alone.

        Raises:
            StageError: a sample is another process's share and not there yet.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """One sample to draw, and the key under which it is kept."""

    key: Key
    prompt: str
    sample: int


def shard() -> tuple[int, int]:
    """Give (rank, world_size) of this process among those that torchrun or accelerate launch started; else (0, 1)."""
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not 0 <= rank < world_size:
        raise StageError(f"RANK: found {rank} in the environment, accepted: 0 to {world_size - 1} (WORLD_SIZE - 1)")
    return rank, world_size


def missing_share(
    store: AnswerStore, prompts: Sequence[str], n: int, key_of: Callable[[str, int], Key], bar: Track
) -> list[Wanted]:
    """Give the samples that the store lacks and that fall to this process, shortest prompts first.

    The shares follow from the prompts alone: a share of what is missing would change while another process fills its
    own. Each sample that is not returned is counted on `bar`.
    """
    ordered = sorted(set(prompts), key=lambda prompt: (len(prompt), prompt))
    wanted = [Wanted(key_of(prompt, sample), prompt, sample) for prompt in ordered for sample in range(n)]
    rank, world_size = shard()
    missing = [one for one in wanted[rank::world_size] if store.get(one.key) is None]
    bar.advance(len(prompts) * n - len(missing))
    return missing


def kept(store: AnswerStore, prompts: Sequence[str], n: int, key_of: Callable[[str, int], Key]) -> list[list[str]]:
    """Give the samples as [prompt][sample]; raises StageError where other processes have not yet kept theirs."""
    found = [[store.get(key_of(prompt, sample)) for sample in range(n)] for prompt in prompts]
    missing = sum(answer is None for answers in found for answer in answers)
    if missing:
        raise StageError(
            f"WORLD_SIZE: found {os.environ.get('WORLD_SIZE')}: {missing} samples are other processes' share; "
            "run without torchrun once all have ended"
        )
    return [[answer["text"] for answer in answers if answer is not None] for answers in found]


class LocalSampler:
    """Asks a transformers directory, which is loaded when the store lacks an answer and not before."""

    def __init__(self, directory: Path, sampling: Sampling, dtype: str, batch_size: int, store: AnswerStore) -> None:
        self._directory, self._sampling, self._dtype = directory, sampling, dtype
        self._batch_size, self._store = batch_size, store
        # not private: what else is computed from this model is kept under it too
        self.identity = {"backend": "transformers", "files": _file_hashes(directory), "dtype": dtype}
        self._loaded: LoadedModel | None = None

    def settings(self) -> dict[str, Any]:
        """Give the hashes of the model's files, its type, the sampling, and the versions of the libraries."""
        libraries = {name: version(name) for name in ("torch", "transformers")}
        return self.identity | {"sampling": asdict(self._sampling), "libraries": libraries}

    def model(self) -> LoadedModel:
        """Give the model itself, loaded once."""
        if self._loaded is None:
            self._loaded = load_model(self._directory, self._dtype)
        return self._loaded

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """As in `Sampler`."""
        self.fill(prompts, bar, n)
        return kept(self._store, prompts, n or self._sampling.n, self._key)

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """As in `Sampler`; after the GPU's memory was too small, the batches are half as large."""
        missing = missing_share(self._store, prompts, n or self._sampling.n, self._key, bar)
        while missing:
            batch = missing[: self._batch_size]
            texts = self._generated(batch)
            if texts is None:
                self._batch_size = self._smaller(batch)
                continue
            for wanted, text in zip(batch, texts, strict=True):
                self._store.put(wanted.key, {"text": text})
                bar.advance()
            missing = missing[len(batch) :]

    def close(self) -> None:
        """Drop the model and give its GPU memory back."""
        if self._loaded is not None:
            self._loaded = None
            _free_gpu_memory()

    def _key(self, prompt: str, sample: int) -> Key:
        return Key.of(self.identity | self._sampling.drawn() | {"prompt": prompt, "sample": sample})

    def _generated(self, batch: Sequence[Wanted]) -> list[str] | None:
        """Give the texts, or None when the GPU's memory is too small; what it held is free after the return."""
        import torch

        drawn = self._sampling
        try:
            return generate_batch(
                self.model(),
                [wanted.prompt for wanted in batch],
                max_new_tokens=drawn.max_new_tokens,
                temperature=drawn.temperature,
                top_p=drawn.top_p,
                seed=_seed_of(batch),
            )
        except torch.OutOfMemoryError:
            return None

    def _smaller(self, batch: Sequence[Wanted]) -> int:
        """Give the next size to try."""
        if len(batch) == 1:
            raise StageError(
                f"evaluate.max_new_tokens: {self._sampling.max_new_tokens} after a prompt of {len(batch[0].prompt)} "
                "characters: the GPU's memory is too small for this prompt alone"
            )
        _free_gpu_memory()
        console.say(
            f"runtime.evaluate.batch_size: {len(batch)} is too large for the GPU's memory, going on with half of it"
        )
        return len(batch) // 2


def _file_hashes(directory: Path) -> dict[str, str]:
    """Return the hash of each file of the model.

    Raises:
        StageError: it is not a transformers directory.
    """
    if not (directory / "config.json").is_file():
        raise StageError(f"{directory}: no config.json, accepted: a transformers directory")
    return hash_model_files(directory)


def _seed_of(batch: Sequence[Wanted]) -> int:
    """Give a batch's own seed: the same samples in the same batch are drawn alike."""
    digest = hashlib.sha256("".join(wanted.key.digest for wanted in batch).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def _free_gpu_memory() -> None:
    import torch

    torch.cuda.empty_cache()
