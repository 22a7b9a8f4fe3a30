"""The instructions that training held out, and what each model answers to them: what people compare blind.

In: the decontaminated examples, and what train did with each. Out: data/answers/LABEL.jsonl, a line an instruction.
Nothing judges these answers but people.
"""

from __future__ import annotations

from pathlib import Path

from pydantic.dataclasses import dataclass

from stages.lib.params import STRICT
from stages.lib.records import Example, read_jsonl
from stages.lib.train_fates import FATES, TrainFate

EXAMPLES = Path("data/decontaminated/examples.jsonl")
ANSWERS = Path("data/answers")


@dataclass(frozen=True, slots=True, config=STRICT)
class HeldOutAnswer:
    """A model's answer to an instruction that it was not trained on."""

    id: str
    instruction: str
    answer: str


def read_held_out(most: int) -> list[Example]:
    """Give the first `most` of the examples that were held out from training, in the order of the training data."""
    if not most:
        return []
    held_out = {told.id for told in read_jsonl(FATES, TrainFate) if told.fate == "held_out"}
    return [example for example in read_jsonl(EXAMPLES, Example) if example.id in held_out][:most]
