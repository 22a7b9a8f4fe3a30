"""Invariants that the arguments of all of a problem's tests satisfy, so that mutated arguments stay valid inputs.

In: argument lists. Out: their invariants, and arguments changed to satisfy them. Nothing is run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

Arguments = list[Any]
_MEMBER_SHARE = 0.75  # of the mutated arguments keep the invariant `members`


@dataclass(frozen=True, slots=True)
class ArgumentInvariants:
    """What is true of the arguments of all of a problem's tests: many tasks are undefined for other inputs.

    Attributes:
        ascending: positions of lists and tuples that are sorted.
        lengths: by position, the one length that all lists or tuples there have.
        equal_lengths: (position, position) of lists and tuples of equal length.
        counts: (position of a number, position of the value whose length it is).
        members: (position of a value, position of the container that it is in).
    """

    ascending: frozenset[int]
    lengths: Mapping[int, int]
    equal_lengths: Sequence[tuple[int, int]]
    counts: Sequence[tuple[int, int]]
    members: Sequence[tuple[int, int]]

    def apply(self, arguments: Arguments, draw: random.Random) -> Arguments:
        """Return arguments that satisfy the invariants; `members` only mostly, since non-members are inputs too."""
        found = list(arguments)
        for place, length in self.lengths.items():
            if found[place]:
                found[place] = (found[place] * length)[:length]
        for one, other in self.equal_lengths:
            length = min(len(found[one]), len(found[other]))
            found[one], found[other] = found[one][:length], found[other][:length]
        for place in self.ascending:
            with suppress(TypeError):
                found[place] = type(found[place])(sorted(found[place]))
        for place, of in self.counts:
            found[place] = len(found[of])
        for place, of in self.members:
            if found[of] and draw.random() < _MEMBER_SHARE:
                found[place] = draw.choice(found[of])
        return found


def find_invariants(calls: Sequence[Arguments]) -> ArgumentInvariants:
    """Find the invariants of several calls; a single call has none."""
    width = min(map(len, calls)) if len(calls) > 1 else 0
    columns = [[arguments[place] for arguments in calls] for place in range(width)]
    lists = [place for place in range(width) if all(isinstance(value, list | tuple) for value in columns[place])]
    lengths = {place: {len(value) for value in columns[place]} for place in lists}
    pairs = list(permutations(range(width), 2))
    return ArgumentInvariants(
        frozenset(place for place in lists if all(map(_is_sorted, columns[place]))),
        {place: found.pop() for place, found in lengths.items() if len(found) == 1},
        [
            (one, other)
            for one, other in pairs
            if one < other and {one, other} <= {*lists} and all(map(_same_length, columns[one], columns[other]))
        ],
        [(one, other) for one, other in pairs if all(map(_is_length_of, columns[one], columns[other]))],
        [(one, other) for one, other in pairs if all(map(_is_member_of, columns[one], columns[other]))],
    )


def _is_sorted(items: Sequence[Any]) -> bool:
    try:
        return all(one <= other for one, other in pairwise(items))
    except TypeError:
        return False


def _same_length(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other)


def _is_length_of(number: Any, items: Any) -> bool:
    return type(number) is int and isinstance(items, list | tuple | str) and number == len(items)


def _is_member_of(item: Any, items: Any) -> bool:
    if isinstance(items, str):
        return isinstance(item, str) and len(item) == 1 and item in items
    return isinstance(items, list | tuple) and item in items
