"""Which records are kept from training, so that the loss on them says what was learned and not what was copied.

In: examples. Out: those to train on and those held out. A seed and all that was evolved from it stay together: an
evolved record says much about its parent's answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from wizardcoder.core.draws import draw_order
from wizardcoder.core.records import Example, seed_id

MOST = 0.2  # of all records; a small set is trained on rather than measured


def split(examples: Sequence[Example], count: int, seed: int) -> tuple[list[Example], list[Example]]:
    """Give (to train on, held out): whole lineages up to `count` records, whichever the seed draws.

    The draw depends on the lineages alone, so a record that comes or goes moves no other one.
    """
    lineages: dict[str, list[Example]] = {}
    for example in examples:
        lineages.setdefault(seed_id(example.id), []).append(example)
    room = min(count, int(MOST * len(examples)))
    held: set[str] = set()
    for name in draw_order(lineages, seed):
        if len(lineages[name]) <= room:
            held.add(name)
            room -= len(lineages[name])
    train = [e for e in examples if seed_id(e.id) not in held]
    return train, [e for e in examples if seed_id(e.id) in held]
