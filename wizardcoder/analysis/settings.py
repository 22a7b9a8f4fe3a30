"""The `analyze` section of params.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT, AtLeastOne, Text


@dataclass(frozen=True, slots=True, config=STRICT)
class AnalyzeParams:
    """How many records of a round are measured, and whether a teacher rates their difficulty."""

    sample: AtLeastOne
    difficulty: Literal["off", "teacher"]
    difficulty_sample: AtLeastOne
    difficulty_attempts: AtLeastOne
    difficulty_prompt: Text
