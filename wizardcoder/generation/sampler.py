"""Sample n answers per prompt from a local model, through the answer store: nothing is generated twice.

Each sample is stored as soon as it exists, so a rerun generates only what is missing. Several processes (torchrun,
accelerate launch) share the work without waiting for each other: each fills its own share, and a run without torchrun
afterwards finds everything. endpoint_sampler.py does the same for an endpoint.
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
from wizardcoder.teacher.reasoning import separate_reasoning

Stored = Callable[[str, int], dict[str, Any] | None]
"""Returns the stored answer to a prompt and sample number."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The sampling settings, which with model and prompt determine an answer; invalid ones raise StageError."""

    n: int  # samples per prompt
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

    def key_fields(self) -> dict[str, Any]:
        """Return the settings that determine one sample; a greedy answer does not depend on top_p and seed."""
        greedy = {"temperature": 0.0, "max_new_tokens": self.max_new_tokens}
        if self.temperature == 0:
            return greedy
        return greedy | {"temperature": float(self.temperature), "top_p": float(self.top_p), "seed": self.seed}


class Sampler(Protocol):
    """A model that answers prompts; use it with `contextlib.closing`."""

    def settings(self) -> dict[str, Any]:
        """Return model, sampling and library versions as JSON values, to be stored with the samples."""
        ...

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """Generate the samples that are not stored yet, `n` per prompt (None: as in the sampling settings).

        One of several processes (`shard`) generates its share only.
        """
        ...

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """Fill, and return the samples as [prompt][sample]; one of several processes calls `fill` instead.

        Raises:
            StageError: a sample is in another process's share and not stored yet.
        """
        ...

    def close(self) -> None:
        """Free the model."""
        ...


@dataclass(frozen=True, slots=True)
class WantedSample:
    """One sample to generate, and the key under which it is stored."""

    key: Key
    prompt: str
    sample: int


def shard() -> tuple[int, int]:
    """Return (rank, world_size) of this process under torchrun or accelerate launch, else (0, 1)."""
    rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not 0 <= rank < world_size:
        raise StageError(f"RANK: found {rank} in the environment, accepted: 0 to {world_size - 1} (WORLD_SIZE - 1)")
    return rank, world_size


def find_missing(
    prompts: Sequence[str], n: int, key_of: Callable[[str, int], Key], stored: Stored, bar: Track
) -> list[WantedSample]:
    """Return the samples of this process's share that are not stored yet, shortest prompts first.

    The shares depend on the prompts alone: shares of what is missing would change while other processes fill theirs.
    `bar` counts every sample that is not returned.
    """
    ordered = sorted(set(prompts), key=lambda prompt: (len(prompt), prompt))
    wanted = [WantedSample(key_of(prompt, sample), prompt, sample) for prompt in ordered for sample in range(n)]
    rank, world_size = shard()
    missing = [one for one in wanted[rank::world_size] if stored(one.prompt, one.sample) is None]
    bar.advance(len(prompts) * n - len(missing))
    return missing


def read_stored(prompts: Sequence[str], n: int, stored: Stored) -> list[list[str]]:
    """Return the stored samples as [prompt][sample], without the reasoning before an answer.

    Raises:
        StageError: other processes have not stored theirs yet.
    """
    found = [[stored(prompt, sample) for sample in range(n)] for prompt in prompts]
    missing = sum(answer is None for answers in found for answer in answers)
    if missing:
        raise StageError(
            f"WORLD_SIZE: found {os.environ.get('WORLD_SIZE')}: {missing} samples are in other processes' shares; "
            "run without torchrun after all have ended"
        )
    return [[separate_reasoning(answer["text"]).text for answer in answers if answer is not None] for answers in found]


class LocalSampler:
    """A transformers directory, loaded only when an answer is missing."""

    def __init__(self, directory: Path, sampling: Sampling, dtype: str, batch_size: int, store: AnswerStore) -> None:
        self._directory, self._sampling, self._dtype = directory, sampling, dtype
        self._batch_size, self._store = batch_size, store
        # public, because other values computed from this model are stored under it too
        self.identity = {"backend": "transformers", "files": _file_hashes(directory), "dtype": dtype}
        self._loaded: LoadedModel | None = None

    def settings(self) -> dict[str, Any]:
        """Return the hashes of the model's files, its data type, the sampling, and the library versions."""
        libraries = {name: version(name) for name in ("torch", "transformers")}
        return self.identity | {"sampling": asdict(self._sampling), "libraries": libraries}

    def model(self) -> LoadedModel:
        """Return the model, which is loaded once."""
        if self._loaded is None:
            self._loaded = load_model(self._directory, self._dtype)
        return self._loaded

    def answers(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> list[list[str]]:
        """As in `Sampler`."""
        self.fill(prompts, bar, n)
        return read_stored(prompts, n or self._sampling.n, self._stored)

    def fill(self, prompts: Sequence[str], bar: Track, n: int | None = None) -> None:
        """As in `Sampler`; if the GPU runs out of memory, the batch size is halved."""
        missing = find_missing(prompts, n or self._sampling.n, self._key, self._stored, bar)
        start = 0
        while start < len(missing):
            batch = missing[start : start + self._batch_size]
            texts = self._generate(batch)
            if texts is None:
                self._batch_size = self._smaller_batch_size(batch)
                continue
            for wanted, text in zip(batch, texts, strict=True):
                self._store.put(wanted.key, {"text": text})
                bar.advance()
            start += len(batch)

    def close(self) -> None:
        """Drop the model and free its GPU memory."""
        if self._loaded is not None:
            self._loaded = None
            _free_gpu_memory()

    def _key(self, prompt: str, sample: int) -> Key:
        return Key.of(self.identity | self._sampling.key_fields() | {"prompt": prompt, "sample": sample})

    def _stored(self, prompt: str, sample: int) -> dict[str, Any] | None:
        return self._store.get(self._key(prompt, sample))

    def _generate(self, batch: Sequence[WantedSample]) -> list[str] | None:
        """Return the texts, or None if the GPU runs out of memory, which can be freed after the return."""
        import torch

        sampling = self._sampling
        try:
            return generate_batch(
                self.model(),
                [wanted.prompt for wanted in batch],
                max_new_tokens=sampling.max_new_tokens,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=_seed_of(batch),
            )
        except torch.OutOfMemoryError:
            return None

    def _smaller_batch_size(self, batch: Sequence[WantedSample]) -> int:
        """Return the next batch size to try."""
        if len(batch) == 1:
            raise StageError(
                f"evaluate.max_new_tokens: {self._sampling.max_new_tokens} after a prompt of {len(batch[0].prompt)} "
                "characters: the GPU's memory is too small for this prompt alone"
            )
        _free_gpu_memory()
        console.say(
            f"runtime.evaluate.batch_size: {len(batch)} does not fit into the GPU's memory; continuing with half of it"
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


def _seed_of(batch: Sequence[WantedSample]) -> int:
    """Return the seed of a batch, which depends on its samples: the same batch gives the same texts."""
    digest = hashlib.sha256("".join(wanted.key.digest for wanted in batch).encode()).digest()
    return int.from_bytes(digest[:8]) >> 1


def _free_gpu_memory() -> None:
    import torch

    torch.cuda.empty_cache()
