"""What holds for the arguments of all calls of a problem's tests, so that variations of them stay of their kind.

In: calls. Out: their habits, and arguments made to keep to them. Nothing is run.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

Arguments = list[Any]
_MEMBERS = 0.75  # so often a member stays one


@dataclass(frozen=True, slots=True)
class Habits:
    """What holds for the arguments of all of a problem's tests: many tasks are told for no other.

    Attributes:
        ascending: places of lists and tuples that ascend.
        lengths: by place the length that all lists or tuples there have.
        alike: (place, place) of lists and tuples of which both are as long.
        counts: (place, place of what it is the length of).
        members: (place, place of what holds it).
    """

    ascending: frozenset[int]
    lengths: Mapping[int, int]
    alike: Sequence[tuple[int, int]]
    counts: Sequence[tuple[int, int]]
    members: Sequence[tuple[int, int]]

    @classmethod
    def of(cls, calls: Sequence[Arguments]) -> Habits:
        """Find the habits; of a single call there are none."""
        width = min(map(len, calls)) if len(calls) > 1 else 0
        given = [[arguments[place] for arguments in calls] for place in range(width)]
        lists = [place for place in range(width) if all(isinstance(value, list | tuple) for value in given[place])]
        lengths = {place: {len(value) for value in given[place]} for place in lists}
        pairs = list(permutations(range(width), 2))
        return cls(
            frozenset(place for place in lists if all(map(_ascends, given[place]))),
            {place: found.pop() for place, found in lengths.items() if len(found) == 1},
            [
                (one, other)
                for one, other in pairs
                if one < other and {one, other} <= {*lists} and all(map(_as_long, given[one], given[other]))
            ],
            [(one, other) for one, other in pairs if all(map(_counts, given[one], given[other]))],
            [(one, other) for one, other in pairs if all(map(_is_in, given[one], given[other]))],
        )

    def kept(self, arguments: Arguments, draw: random.Random) -> Arguments:
        """Give arguments that keep to the habits, but for some of the members: not to be one is a case too."""
        found = list(arguments)
        for place, length in self.lengths.items():
            if found[place]:
                found[place] = (found[place] * length)[:length]
        for one, other in self.alike:
            least = min(len(found[one]), len(found[other]))
            found[one], found[other] = found[one][:least], found[other][:least]
        for place in self.ascending:
            with suppress(TypeError):
                found[place] = type(found[place])(sorted(found[place]))
        for place, of in self.counts:
            found[place] = len(found[of])
        for place, of in self.members:
            if found[of] and draw.random() < _MEMBERS:
                found[place] = draw.choice(found[of])
        return found


def _ascends(items: Sequence[Any]) -> bool:
    try:
        return all(one <= other for one, other in pairwise(items))
    except TypeError:
        return False


def _as_long(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other)


def _counts(number: Any, items: Any) -> bool:
    return type(number) is int and isinstance(items, list | tuple | str) and number == len(items)


def _is_in(item: Any, items: Any) -> bool:
    if isinstance(items, str):
        return isinstance(item, str) and len(item) == 1 and item in items
    return isinstance(items, list | tuple) and item in items
