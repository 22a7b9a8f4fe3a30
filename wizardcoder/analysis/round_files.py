"""What the rounds left behind: their accepted and rejected attempts, and what the screening found.

In: data/rounds/rN/{examples,rejected}.jsonl, data/screened. Out: a round's records, a seeded draw of them, and the
texts from which each came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from wizardcoder.core import paths
from wizardcoder.core.draws import draw_key
from wizardcoder.core.records import Example, Rejected, lineage, read_records


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
    dropped = list(read_records(paths.SCREENED_OUT, Rejected))
    return [
        Round(
            number,
            list(read_records(paths.round_folder(number) / "examples.jsonl", Example)),
            list(read_records(paths.round_folder(number) / "rejected.jsonl", Rejected)),
            {example.id: example for example in read_records(paths.screened_round(number), Example)},
            [item for item in dropped if item.round == number],
        )
        for number in paths.ROUND_NUMBERS
    ]


def draw(examples: Sequence[Example], count: int, run_seed: int) -> list[Example]:
    """Draw records by a hash of their ids, whatever the file's order; a smaller draw is the beginning of a larger."""
    return sorted(examples, key=lambda example: draw_key(run_seed, example.id))[:count]


def origins(examples: Iterable[Example], known: Mapping[str, Example]) -> dict[str, Origin]:
    """Give the origin of each evolved example whose lineage is whole; a seed has none."""
    found = {}
    for example in examples:
        line = lineage(example, known)
        if len(line) > 1 and line[-1].parent_id is None:
            found[example.id] = Origin(parent=line[1].instruction, seed=line[-1].instruction)
    return found
