"""What each model answers to instructions that training held out: what people compare blind.

data/answers/LABEL.jsonl, a line an instruction. Nothing judges these answers but people.
"""

from __future__ import annotations

from pathlib import Path

from pydantic.dataclasses import dataclass

from wizardcoder.core.params import STRICT

ANSWERS = Path("data/answers")


@dataclass(frozen=True, slots=True, config=STRICT)
class HeldOutAnswer:
    """A model's answer to an instruction that it was not trained on."""

    id: str
    instruction: str
    answer: str
