"""The seeded draw: a random order in which each name's place depends on the seed and the name alone.

Neither the order in which names arrive nor which other names there are changes whether one name comes before another.
So a draw survives a reordered file, and a smaller draw is the beginning of a larger one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def draw_key(seed: int, name: str) -> bytes:
    """Return the sort key of a name in the draw of a seed: sha256 of `seed:name`."""
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def draw_order(names: Iterable[str], seed: int) -> list[str]:
    """Return the names in the order in which the seed draws them."""
    return sorted(names, key=lambda name: draw_key(seed, name))
