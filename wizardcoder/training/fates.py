"""What the stage train did with each record that it was given.

Out: data/train/fates.jsonl, a line for each. What became of a record before that stands in the files of the earlier
stages.
"""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT

Given = Literal["trained", "cut", "held_out", "no_response", "too_long"]


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainFate:
    """`trained` whole; `cut`: trained without its end; `held_out`: measured only; the others were dropped.

    `no_response`: none of its response fits `train.max_tokens`; `too_long`: it does not fit whole, and `train.too_long`
    says drop. A training of fewer steps than a pass has (metrics/train.json) does not reach every record in the set.
    """

    id: str
    fate: Given
