"""The `evol_stop` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from wizardcoder.core import paths
from wizardcoder.core.params import STRICT
from wizardcoder.experiments.results import Measure

StopRule = Literal["interval", "any_drop"]


@dataclass(frozen=True, slots=True, config=STRICT)
class EvolStopParams:
    """The stopping rule, the measure that it compares, and the last round to try."""

    rule: StopRule
    measure: Measure
    max_round: Annotated[int, Field(ge=1, le=paths.LAST_ROUND)]
