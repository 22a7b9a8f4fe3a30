"""The `merge` section of params.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT, AtLeastOne, Text


@dataclass(frozen=True, slots=True, config=STRICT)
class NearDuplicatesParams:
    """Jaccard similarity of runs of words from which a record counts as a near-duplicate; None keeps them all."""

    threshold: Annotated[float, Field(gt=0, le=1)] | None
    num_perm: AtLeastOne
    shingle_words: AtLeastOne


@dataclass(frozen=True, slots=True, config=STRICT)
class MergeParams:
    """The rounds to merge (0 is the seed), the heuristics to leave out, and whether rounds are made equal in size."""

    rounds: list[int]
    without: list[Text]
    match: Literal["none", "samples", "tokens"]
    target: AtLeastOne | None
    near_duplicates: NearDuplicatesParams
