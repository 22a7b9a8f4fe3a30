"""The `report` section of params.yaml."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT, AtLeastOne, Text


@dataclass(frozen=True, slots=True, config=STRICT)
class ComparedModels:
    """Two labels of data/results."""

    a: Text
    b: Text


@dataclass(frozen=True, slots=True, config=STRICT)
class ReportParams:
    """The largest number of samples on the page, and the two models that people compare."""

    samples: AtLeastOne
    compare: ComparedModels
