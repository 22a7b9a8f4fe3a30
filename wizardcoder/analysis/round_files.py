"""What the rounds left behind: their accepted and rejected attempts, and what the screening found.

In: data/rounds/rN/{examples,rejected}.jsonl, data/screened. Out: a round's records, a seeded draw of them, and the
texts from which each came.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wizardcoder.core.records import Example, Rejected, read_jsonl

ROUNDS = Path("data/rounds")
SCREENED = Path("data/screened")
NUMBERS = range(5)


@dataclass(frozen=True, slots=True)
class Round:
    """A round; `screened` are its examples with language, verdict and flags, `dropped` those that screening removed."""

    number: int
    examples: list[Example]
    rejected: list[Rejected]
    screened: dict[str, Example]
    dropped: list[Rejected]


@dataclass(frozen=True, slots=True)
class Origin:
    """The instructions from which a record came: of its parent, and of the seed of its lineage."""

    parent: str
    seed: str


def read_rounds() -> list[Round]:
    """Read all rounds; one that is switched off is empty."""
    dropped = list(read_jsonl(SCREENED / "dropped.jsonl", Rejected))
    return [
        Round(
            number,
            list(read_jsonl(ROUNDS / f"r{number}" / "examples.jsonl", Example)),
            list(read_jsonl(ROUNDS / f"r{number}" / "rejected.jsonl", Rejected)),
            {example.id: example for example in read_jsonl(SCREENED / f"r{number}.jsonl", Example)},
            [item for item in dropped if item.round == number],
        )
        for number in NUMBERS
    ]


def draw(examples: Sequence[Example], count: int, run_seed: int) -> list[Example]:
    """Draw records by a hash of their ids, whatever the file's order; a smaller draw is the beginning of a larger."""
    return sorted(examples, key=lambda e: hashlib.sha256(f"{run_seed}:{e.id}".encode()).digest())[:count]


def origins(examples: Iterable[Example], known: Mapping[str, Example]) -> dict[str, Origin]:
    """Give the origin of each evolved example whose lineage is whole; a seed has none."""
    found = {}
    for example in examples:
        line = _lineage(example, known)
        if len(line) > 1 and line[-1].parent_id is None:
            found[example.id] = Origin(parent=line[1].instruction, seed=line[-1].instruction)
    return found


def _lineage(example: Example, known: Mapping[str, Example]) -> list[Example]:
    """Give a record and those above it, as far as they are known; each is of an earlier round, so that it ends."""
    line = [example]
    while (parent := known.get(line[-1].parent_id or "")) is not None and parent.round < line[-1].round:
        line.append(parent)
    return line
