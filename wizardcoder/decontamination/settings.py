"""The `decontaminate` section of params.yaml, as strict dataclasses.

Does not cover: the numbers' sources, which are comments in params.yaml.
"""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass as params_dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Fraction, Positive, Text, WorkersRuntime
from wizardcoder.decontamination.execution.limits import Agreement, ExecutionLimits

_SECTION = "params.yaml: decontaminate.execution"


@params_dataclass(frozen=True, slots=True, config=STRICT)
class RuleParams:
    """When the rule matches a pair: a share of the test sample is found in the training sample, or both are similar."""

    sentence_words: AtLeastOne
    ngram_words: AtLeastOne
    min_overlap: Fraction
    ngram_tokens: AtLeastOne
    min_code_overlap: Fraction
    min_ngrams: AtLeastOne
    min_similarity: Fraction
    min_doubt: Fraction


@params_dataclass(frozen=True, slots=True, config=STRICT)
class ExecutionParams:
    """Whether the code of training samples is run, and when it counts as a solution.

    `scope`: `all` excludes every training sample that solves a test sample; `retrieved` only those that were also
    retrieved for it or copy it. Both run the same code.
    """

    scope: Literal["off", "retrieved", "all"]
    min_agreement: Fraction
    min_agreement_few: Fraction
    call_s: Positive
    timeout_s: Positive
    memory_mb: AtLeastOne
    allow_unsafe: bool

    def limits(self) -> ExecutionLimits:
        """Return the settings that the results depend on."""
        agreement = Agreement(self.min_agreement, self.min_agreement_few)
        return ExecutionLimits(agreement, self.call_s, self.timeout_s, self.memory_mb, self.allow_unsafe)


@params_dataclass(frozen=True, slots=True, config=STRICT)
class DecontaminateParams:
    """The `decontaminate` section."""

    benchmarks: list[Text]
    embedder: Text
    top_k: AtLeastOne
    judge: Literal["rule", "teacher", "both"]
    rule: RuleParams
    execution: ExecutionParams
    attempts: AtLeastOne
    prompt: Text
    runtime: WorkersRuntime


def check_execution(params: ExecutionParams) -> None:
    """Refuse limits under which no code, or any code, counts as a solution.

    Raises:
        StageError: `call_s` is not below `timeout_s`, or a minimum agreement is 0.
    """
    if not params.call_s < params.timeout_s:
        raise StageError(
            f"{_SECTION}.call_s: found {params.call_s}, accepted: less than timeout_s ({params.timeout_s}), "
            "the limit for all calls of a sample"
        )
    for name in ("min_agreement", "min_agreement_few"):
        if not getattr(params, name):
            raise StageError(f"{_SECTION}.{name}: found 0, accepted: more than 0, up to 1")
