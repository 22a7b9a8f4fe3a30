"""The records of each round: accepted and rejected attempts, and what the stage screen added or dropped.

In: data/rounds/rN/{examples,rejected}.jsonl, data/screened. Out: a round's records, a seeded draw of them, and the
instructions from which a record was evolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.core import paths
from wizardcoder.core.draws import draw_key
from wizardcoder.core.records import Example, Rejected, lineage, read_records


@dataclass(frozen=True, slots=True)
class RoundRecords:
    """A round's records.

    Attributes:
        number: of the round, 0 for the seed.
        examples: accepted attempts.
        rejected: rejected attempts.
        screened: by id, the examples that screening kept, with language, verdict and flags.
        dropped: the examples that screening dropped.
    """

    number: int
    examples: list[Example]
    rejected: list[Rejected]
    screened: dict[str, Example]
    dropped: list[Rejected]


@dataclass(frozen=True, slots=True)
class SourceInstructions:
    """The instructions from which a record was evolved: its parent's, and its seed's."""

    parent: str
    seed: str


def read_rounds() -> list[RoundRecords]:
    """Read all rounds; a round that is switched off is empty.

    Raises:
        StageError: a file is missing or broken.
    """
    dropped = list(read_records(paths.SCREENED_OUT, Rejected))
    return [
        RoundRecords(
            number,
            list(read_records(paths.round_folder(number) / "examples.jsonl", Example)),
            list(read_records(paths.round_folder(number) / "rejected.jsonl", Rejected)),
            {example.id: example for example in read_records(paths.screened_round(number), Example)},
            [item for item in dropped if item.round == number],
        )
        for number in paths.ROUND_NUMBERS
    ]


def draw_examples(examples: Sequence[Example], count: int, seed: int) -> list[Example]:
    """Draw records by their ids, in any order of the file; a smaller draw is the beginning of a larger one."""
    return sorted(examples, key=lambda example: draw_key(seed, example.id))[:count]


def find_sources(examples: Iterable[Example], by_id: Mapping[str, Example]) -> dict[str, SourceInstructions]:
    """Return by id the source instructions of each evolved example whose lineage is complete; seeds have none."""
    found = {}
    for example in examples:
        line = lineage(example, by_id)
        if len(line) > 1 and line[-1].parent_id is None:
            found[example.id] = SourceInstructions(parent=line[1].instruction, seed=line[-1].instruction)
    return found
