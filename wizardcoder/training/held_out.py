"""Hold records out of the training, so that their loss measures learning and not memorization.

A seed and all records evolved from it stay together, because an evolved record reveals much of its parent's answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from wizardcoder.core.draws import draw_order
from wizardcoder.core.records import Example, seed_id

MAX_SHARE = 0.2  # ours: a small data set is better trained on than measured


def split(examples: Sequence[Example], count: int, seed: int) -> tuple[list[Example], list[Example]]:
    """Return (to train on, held out): lineages drawn by the seed, up to `count` records in all.

    The draw depends on each lineage alone, so adding or removing a record does not move another one.
    """
    lineages: dict[str, list[Example]] = {}
    for example in examples:
        lineages.setdefault(seed_id(example.id), []).append(example)
    room = min(count, int(MAX_SHARE * len(examples)))
    held: set[str] = set()
    for name in draw_order(lineages, seed):
        if len(lineages[name]) <= room:
            held.add(name)
            room -= len(lineages[name])
    train = [e for e in examples if seed_id(e.id) not in held]
    return train, [e for e in examples if seed_id(e.id) in held]
