"""The `screen` section of params.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.core.console import StageError
from wizardcoder.core.params import STRICT, AtLeastOne, Positive, Text, WorkersRuntime
from wizardcoder.core.records import Verdict


@dataclass(frozen=True, slots=True, config=STRICT)
class VerifyParams:
    """Whether code is run, under which limits, and which verdicts are dropped."""

    enabled: bool
    drop: list[Verdict]
    timeout_s: Positive
    memory_mb: AtLeastOne
    allow_unsafe: bool


@dataclass(frozen=True, slots=True, config=STRICT)
class SafetyParams:
    """Who decides what is harmful, and whether it is dropped."""

    judge: Literal["rule", "teacher", "both"]
    flagged: Literal["keep", "drop"]
    rules: Text
    prompt: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class ScreenParams:
    """The `screen` section."""

    verify: VerifyParams
    safety: SafetyParams
    runtime: WorkersRuntime


def check(params: ScreenParams) -> None:
    """Refuse values that contradict each other.

    Raises:
        StageError: verdicts are dropped although no code is verified.
    """
    if params.verify.drop and not params.verify.enabled:
        found = f"found {params.verify.drop} while screen.verify.enabled is false"
        raise StageError(f"params.yaml: screen.verify.drop: {found}, accepted: [], since nothing has a verdict then")
