"""The instructions that training held out, and what each model answers to them.

Reads data/decontaminated/examples.jsonl and data/train/outcomes.jsonl. data/answers/LABEL.jsonl has one line per
instruction; only people judge these answers, on the page of blind comparisons.
"""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from wizardcoder.core import paths
from wizardcoder.core.params import STRICT
from wizardcoder.core.records import Example, read_records
from wizardcoder.training.outcomes import TrainOutcome


@dataclass(frozen=True, slots=True, config=STRICT)
class HeldOutAnswer:
    """A model's answer to an instruction that it was not trained on."""

    id: str
    instruction: str
    answer: str


def read_held_out(limit: int) -> list[Example]:
    """Read the first `limit` examples that training held out, in the order of the training data."""
    if not limit:
        return []
    held_out = {
        outcome.id for outcome in read_records(paths.TRAIN_OUTCOMES, TrainOutcome) if outcome.outcome == "held_out"
    }
    return [example for example in read_records(paths.TRAINING_EXAMPLES, Example) if example.id in held_out][:limit]
