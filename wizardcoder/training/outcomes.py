"""What the training did with each record: data/train/outcomes.jsonl, one line per record.

The files of the earlier stages have what happened to a record before.
"""

from __future__ import annotations

from typing import Literal

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT

TrainOutcomeKind = Literal["trained", "cut", "held_out", "no_response", "too_long"]


@dataclass(frozen=True, slots=True, config=STRICT)
class TrainOutcome:
    """A record's id and what happened to it.

    `trained`: trained on in full; `cut`: trained on without its end; `held_out`: only its loss is measured. The others
    were dropped: `no_response` because no token of the response fits `train.max_tokens`, `too_long` because the record
    does not fit and `train.too_long` is drop. A training with fewer steps than one pass (metrics/train.json) does not
    reach every record.
    """

    id: str
    outcome: TrainOutcomeKind
