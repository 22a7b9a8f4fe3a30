"""The settings of an evaluation, what they forbid, and the models that it asks.

In: the `evaluate` section of params.yaml. Out: a sampler for each model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.benchmarks.extraction_rules import Rule
from wizardcoder.benchmarks.load import KNOWN
from wizardcoder.benchmarks.protocol import Timeouts
from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Count, Fraction, NotNegative, Positive, Text, Untracked
from wizardcoder.core.store import AnswerStore
from wizardcoder.generation.sampler import LocalSampler, Sampler, Sampling
from wizardcoder.scoring.judge import Mode, Rules
from wizardcoder.teacher.budget import Price

GENERATIONS = "generations.sqlite"  # the store of answers, in the cache folder
MODELS = {"base": Path("models/base"), "tuned": Path("models/wizardcoder")}
# choosing between experiments by them would be selection on a test set
TEST_SETS = frozenset(KNOWN) - {"dev", "mbpp_400"}


@dataclass(frozen=True, slots=True, config=STRICT)
class EndpointParams:
    """A model behind an OpenAI-compatible endpoint, scored beside the local ones."""

    base_url: Text
    model: Text
    api: Literal["chat", "completions"]
    api_key_env: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class EvaluateParams:
    """The `evaluate` section; `problems` maps a benchmark to the first n problems to take, null for all, 0 for none."""

    dev: Text
    problems: dict[str, Count | None]
    held_out: Count
    prompt: Text
    samples: AtLeastOne
    temperature: NotNegative
    top_p: Fraction
    pass_at: list[AtLeastOne]
    max_new_tokens: AtLeastOne
    dtype: Literal["float32", "bfloat16", "float16"]
    extract: Rule
    mode: Mode
    timeout_s: Timeouts
    memory_mb: AtLeastOne
    allow_unsafe: bool
    endpoints: dict[str, EndpointParams]
    prices: Untracked[dict[str, Price]]
    batch_size: Untracked[AtLeastOne]
    workers: Untracked[AtLeastOne | None]
    concurrency: Untracked[AtLeastOne]
    request_timeout_s: Untracked[Positive]
    retries: Untracked[Count]

    def rules(self, benchmark: str) -> Rules:
        """Give how a benchmark's samples are judged."""
        return Rules(self.mode, self.timeout_s.of(benchmark), self.memory_mb, self.allow_unsafe)

    def wanted(self) -> dict[str, int | None]:
        """Give the benchmarks that are scored, with the first n problems to take."""
        return {name: first for name, first in self.problems.items() if first != 0}

    def labels(self) -> tuple[str, ...]:
        """Give the models' names."""
        return (*MODELS, *self.endpoints)


def check(evaluate: EvaluateParams, checked: Sequence[str]) -> None:
    """Refuse a benchmark whose overlap with the training data was not checked, and a choice by a test set."""
    if not evaluate.wanted():
        raise StageError("params.yaml: evaluate.problems: all 0, accepted: at least one benchmark")
    for name in evaluate.wanted():
        if name not in checked:
            raise StageError(
                f"params.yaml: evaluate.problems.{name}: not in decontaminate.benchmarks, "
                "so its overlap with the training data is unknown"
            )
    if evaluate.dev in TEST_SETS:
        raise StageError(
            f"params.yaml: evaluate.dev: found {evaluate.dev}, a test benchmark: choosing rounds or settings by its "
            "score would be selection on a test set; accepted: dev, mbpp_400 or a benchmark of your own"
        )
    if evaluate.dev not in {*KNOWN, *evaluate.problems}:
        raise StageError(f"params.yaml: evaluate.dev: found {evaluate.dev}, accepted: a name in evaluate.problems")
    if evaluate.dev != "dev" and "dev" in evaluate.wanted():
        raise StageError("params.yaml: evaluate.problems.dev: accepted: 0, its metrics' name is taken by evaluate.dev")
    for label in evaluate.endpoints:
        if label in MODELS or not re.fullmatch(r"[A-Za-z0-9_-]+", label):
            raise StageError(
                f"params.yaml: evaluate.endpoints.{label}: accepted: a name of letters, digits, _ and -, "
                "not base or tuned"
            )
    for label in evaluate.prices:
        if label not in evaluate.endpoints:
            raise StageError(f"params.yaml: evaluate.prices.{label}: accepted: a name in evaluate.endpoints")
    for k in evaluate.pass_at:
        if k > evaluate.samples:
            raise StageError(
                f"params.yaml: evaluate.pass_at: found {k}, accepted: at most evaluate.samples ({evaluate.samples})"
            )


def sampler_of(label: str, evaluate: EvaluateParams, seed: int, store: AnswerStore) -> Sampler:
    """Give the model of this label, asked through the store."""
    sampling = Sampling(evaluate.samples, evaluate.temperature, evaluate.top_p, evaluate.max_new_tokens, seed)
    if label in MODELS:
        return LocalSampler(MODELS[label], sampling, evaluate.dtype, evaluate.batch_size, store)
    from wizardcoder.generation.endpoint_sampler import (
        EndpointSampler,  # here, because the SDK takes most of a second to import
    )

    endpoint = evaluate.endpoints[label]
    return EndpointSampler(
        base_url=endpoint.base_url,
        model=endpoint.model,
        api=endpoint.api,
        api_key_env=endpoint.api_key_env,
        sampling=sampling,
        concurrency=evaluate.concurrency,
        timeout_s=evaluate.request_timeout_s,
        retries=evaluate.retries,
        store=store,
        section=f"evaluate.endpoints.{label}",
    )
