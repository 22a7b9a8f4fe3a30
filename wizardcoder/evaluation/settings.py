"""The settings of an evaluation, their checks, and the sampler of each model.

Reads the sections of params.yaml that an evaluation needs. Does not load models or benchmarks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import field
from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.benchmarks.extraction_rules import ExtractionRule
from wizardcoder.benchmarks.load import KNOWN
from wizardcoder.benchmarks.protocol import Timeouts
from wizardcoder.core import paths
from wizardcoder.core.console import StageError
from wizardcoder.core.params import (
    PART,
    STRICT,
    AtLeastOne,
    Count,
    Fraction,
    NotNegative,
    Positive,
    RunParams,
    Text,
)
from wizardcoder.core.store import AnswerStore
from wizardcoder.generation.sampler import LocalSampler, Sampler, Sampling
from wizardcoder.scoring.settings import JudgeMode, JudgeSettings
from wizardcoder.teacher.addresses import BaseUrl, KeyVariable
from wizardcoder.teacher.budget import Price
from wizardcoder.teacher.serving import SERVED, ServeParams
from wizardcoder.teacher.settings import RequestBody
from wizardcoder.teacher.wait_limits import RetryLimits

GENERATIONS = "generations.sqlite"  # the answer store, in the cache folder
MODELS = {"base": paths.BASE_MODEL, "tuned": paths.TUNED_MODEL}
# choosing experiments by their score would be selection on a test set
TEST_SETS = frozenset(KNOWN) - {"dev", "mbpp_400"}


@dataclass(frozen=True, slots=True, config=STRICT)
class EndpointParams:
    """A model behind an OpenAI-compatible endpoint, scored like the local ones.

    `base_url` is `served` for a model that the stage serves itself with `runtime.evaluate.serve`; it needs no key.
    `body` is merged into each request, `name` identifies the endpoint in the store, as in the section `teacher`.
    """

    base_url: BaseUrl
    model: Text
    api: Literal["chat", "completions"]
    api_key_env: KeyVariable
    name: Text | None = None
    body: RequestBody = field(default_factory=dict)


@dataclass(frozen=True, slots=True, config=STRICT)
class EvaluateRuntime:
    """`runtime.evaluate`: speed and prices; nothing here changes an answer.

    Attributes:
        prices: of `evaluate.endpoints`, per million tokens.
        serve: the servers of those of `evaluate.endpoints` whose base_url is `served`.
        batch_size: prompts generated together.
        workers: samples judged at once; None: as many as cores.
        concurrency: requests in flight to an endpoint.
        request_timeout_s: of one request.
        retries: of one failed request, after the first attempt.
        patience_min: minutes without any answer while an endpoint is busy.
        max_wait_min: the longest wait, in minutes, that an endpoint may ask for.
    """

    prices: dict[str, Price]
    serve: dict[str, ServeParams]
    batch_size: AtLeastOne
    workers: AtLeastOne | None
    concurrency: AtLeastOne
    request_timeout_s: Positive
    retries: Count
    patience_min: NotNegative
    max_wait_min: NotNegative

    def retry_limits(self) -> RetryLimits:
        """Return the limits of retries and waits."""
        return RetryLimits(self.retries, 60 * self.patience_min, 60 * self.max_wait_min, "runtime.evaluate")


@dataclass(frozen=True, slots=True, config=STRICT)
class EvaluateParams:
    """The `evaluate` section; `problems` maps a benchmark to how many problems to take: null for all, 0 for none."""

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
    extract: ExtractionRule
    mode: JudgeMode
    timeout_s: Timeouts
    memory_mb: AtLeastOne
    allow_unsafe: bool
    endpoints: dict[str, EndpointParams]
    runtime: EvaluateRuntime

    def judge_settings(self, benchmark: str) -> JudgeSettings:
        """Return how the samples of a benchmark are judged."""
        return JudgeSettings(self.mode, self.timeout_s.for_benchmark(benchmark), self.memory_mb, self.allow_unsafe)

    def wanted(self) -> dict[str, int | None]:
        """Return the benchmarks to score, each with the number of problems to take; None means all."""
        return {name: first for name, first in self.problems.items() if first != 0}

    def labels(self) -> tuple[str, ...]:
        """Return the labels of the models."""
        return (*MODELS, *self.endpoints)


@dataclass(frozen=True, slots=True, config=PART)
class TrainPrompt:
    """The frame of the `train` section, in which the model was trained and is asked."""

    prompt: Text


@dataclass(frozen=True, slots=True, config=PART)
class DecontaminatedBenchmarks:
    """The benchmarks of the `decontaminate` section, whose overlap with the training data was removed."""

    benchmarks: list[Text]


@dataclass(frozen=True, slots=True, config=STRICT)
class Params:
    """The sections of params.yaml that an evaluation reads; `benchmarks` maps a name to its source."""

    run: RunParams
    benchmarks: dict[str, Text | None]
    train: TrainPrompt
    decontaminate: DecontaminatedBenchmarks
    evaluate: EvaluateParams


def check(evaluate: EvaluateParams, decontaminated: Sequence[str]) -> None:
    """Check that the settings of an evaluation are consistent.

    Raises:
        StageError: a benchmark was not compared with the training data, `evaluate.dev` is a test set, a label is taken,
            or there are fewer samples than a k of pass@k; names the key.
    """
    _check_benchmarks(evaluate, decontaminated)
    _check_dev(evaluate)
    _check_models(evaluate)


def make_sampler(label: str, evaluate: EvaluateParams, seed: int, store: AnswerStore) -> Sampler:
    """Return the sampler of the model with this label; it keeps its answers in `store`."""
    sampling = Sampling(evaluate.samples, evaluate.temperature, evaluate.top_p, evaluate.max_new_tokens, seed)
    if label in MODELS:
        return LocalSampler(MODELS[label], sampling, evaluate.dtype, evaluate.runtime.batch_size, store)
    # imported here because the SDK takes most of a second
    from wizardcoder.generation.endpoint_sampler import EndpointSampler

    endpoint = evaluate.endpoints[label]
    return EndpointSampler(
        base_url=endpoint.base_url,
        model=endpoint.model,
        api=endpoint.api,
        api_key_env=endpoint.api_key_env,
        sampling=sampling,
        concurrency=evaluate.runtime.concurrency,
        timeout_s=evaluate.runtime.request_timeout_s,
        limits=evaluate.runtime.retry_limits(),
        store=store,
        name=endpoint.name,
        body=endpoint.body,
        section=f"evaluate.endpoints.{label}",
        serve=evaluate.runtime.serve.get(label),
        serve_setting=f"runtime.evaluate.serve.{label}",
    )


def _check_benchmarks(evaluate: EvaluateParams, decontaminated: Sequence[str]) -> None:
    if not evaluate.wanted():
        raise StageError("params.yaml: evaluate.problems: all 0, accepted: at least one benchmark")
    for name in evaluate.wanted():
        if name not in decontaminated:
            raise StageError(
                f"params.yaml: evaluate.problems.{name}: not in decontaminate.benchmarks, "
                "so its overlap with the training data is unknown"
            )


def _check_dev(evaluate: EvaluateParams) -> None:
    if evaluate.dev in TEST_SETS:
        raise StageError(
            f"params.yaml: evaluate.dev: found {evaluate.dev}, a test benchmark: choosing rounds or settings by its "
            "score would be selection on a test set; accepted: dev, mbpp_400 or a benchmark of your own"
        )
    if evaluate.dev not in {*KNOWN, *evaluate.problems}:
        raise StageError(f"params.yaml: evaluate.dev: found {evaluate.dev}, accepted: a name in evaluate.problems")
    if evaluate.dev != "dev" and "dev" in evaluate.wanted():
        raise StageError(
            "params.yaml: evaluate.problems.dev: accepted: 0; evaluate.dev already uses `dev` as a metric name"
        )


def _check_models(evaluate: EvaluateParams) -> None:
    for label in evaluate.endpoints:
        if label in MODELS or not re.fullmatch(r"[A-Za-z0-9_-]+", label):
            raise StageError(
                f"params.yaml: evaluate.endpoints.{label}: accepted: a name of letters, digits, _ and -, "
                "not base or tuned"
            )
    for label in evaluate.runtime.prices:
        if label not in evaluate.endpoints:
            raise StageError(f"params.yaml: runtime.evaluate.prices.{label}: accepted: a name in evaluate.endpoints")
    _check_serve(evaluate)
    for k in evaluate.pass_at:
        if k > evaluate.samples:
            raise StageError(
                f"params.yaml: evaluate.pass_at: found {k}, accepted: at most evaluate.samples ({evaluate.samples})"
            )


def _check_serve(evaluate: EvaluateParams) -> None:
    served = {label for label, endpoint in evaluate.endpoints.items() if endpoint.base_url == SERVED}
    for label in evaluate.runtime.serve.keys() - served:
        raise StageError(
            f"params.yaml: runtime.evaluate.serve.{label}: accepted: a name in evaluate.endpoints whose base_url is "
            f"{SERVED}"
        )
    for label in served - evaluate.runtime.serve.keys():
        raise StageError(
            f"params.yaml: evaluate.endpoints.{label}.base_url: {SERVED} needs runtime.evaluate.serve.{label}, the "
            "command that serves the model"
        )
