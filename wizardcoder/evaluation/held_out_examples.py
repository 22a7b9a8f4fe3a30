"""The instructions that people compare models by: those that training held out.

In: the training data, and what training did with each example. Out: the examples that it held out.
"""

from __future__ import annotations

from pathlib import Path

from wizardcoder.core.records import Example, read_jsonl
from wizardcoder.training.fates import FATES, TrainFate

EXAMPLES = Path("data/decontaminated/examples.jsonl")


def read_held_out(most: int) -> list[Example]:
    """Give the first `most` of the examples that were held out from training, in the order of the training data."""
    if not most:
        return []
    held_out = {told.id for told in read_jsonl(FATES, TrainFate) if told.fate == "held_out"}
    return [example for example in read_jsonl(EXAMPLES, Example) if example.id in held_out][:most]
