"""Mutates the arguments of a problem's tests, to compare functions on inputs that no test has.

In: a problem, and the calls of its tests. Out: more calls, drawn by a generator seeded by the task id. Nothing is run.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable, Sequence
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.argument_invariants import Arguments, find_invariants
from wizardcoder.decontamination.execution.benchmark_calls import has_large_number, select_usable

_TRIES = 5  # draws for each wanted variation
_CHANGED_SHARE = 0.8  # of the arguments of a variation


def vary_calls(problem: Problem, calls: Sequence[Arguments], count: int) -> list[Arguments]:
    """Return up to `count` further calls: EvalPlus's own inputs if the problem has them, else mutations of `calls`."""
    draw = random.Random(problem.task_id)
    if problem.plus_inputs:
        more = select_usable(list(arguments) for arguments in problem.plus_inputs)
        return draw.sample(more, min(count, len(more)))
    found: list[Arguments] = []
    invariants = find_invariants(calls)
    for _ in range(_TRIES * count):
        arguments = invariants.apply(_mutate_call(calls, draw), draw)
        if len(found) < count and arguments not in found and arguments not in calls and not has_large_number(arguments):
            found.append(arguments)
    return found


def _mutate_call(calls: Sequence[Arguments], draw: random.Random) -> Arguments:
    """Combine the arguments of several calls, and mutate most of them."""
    base = draw.choice(calls)
    same_width = [arguments for arguments in calls if len(arguments) == len(base)]
    mixed = [draw.choice(same_width)[place] for place in range(len(base))]
    return [_mutate(value, draw) if draw.random() < _CHANGED_SHARE else value for value in mixed]


def _mutate(value: Any, draw: random.Random) -> Any:
    """Return a value of the same type, close to this one or entirely different."""
    mutate = _MUTATIONS.get(type(value))
    return value if mutate is None else mutate(value, draw)


def _mutate_int(value: int, draw: random.Random) -> int:
    minimum = min(value, 0)  # a positive number stays positive: many tasks are defined for no other
    return draw.choice([value + 1, max(value - 1, minimum), 2 * value, draw.randint(minimum, abs(value) + 30)])


def _mutate_float(value: float, draw: random.Random) -> float:
    rounded = float(round(value)) if math.isfinite(value) else 0.0
    return draw.choice([value + 1.5, 2 * value, value / 2, rounded, round(draw.uniform(0, 20), 2)])


def _mutate_text(value: str, draw: random.Random) -> str:
    """Change characters or words; a text without letters and digits, such as brackets, only by its words."""
    words = value.split(" ")
    if len(words) > 1 and (not any(map(str.isalnum, value)) or draw.random() < 0.3):
        return " ".join(draw.choices(words, k=draw.randint(1, len(words) + 2)))
    letters = list(value)
    for _ in range(draw.randint(1, 3)):
        place, how = draw.randint(0, len(letters)), draw.randrange(5)
        if how == 0:
            letters[place:place] = draw.choices(_alphabet(value), k=draw.randint(1, 6))
        elif how == 1:
            del letters[place : place + draw.randint(1, 3)]
        elif how == 2:
            draw.shuffle(letters)
        elif how == 3:
            letters = letters[place:] + letters[:place]
        elif letters:
            letters[place % len(letters)] = draw.choice(_alphabet(value))
    return "".join(letters)


def _alphabet(value: str) -> str:
    """Return the characters to insert into a text: digits for digits, its own for brackets, letters for words."""
    letters = [character for character in value if character.isalpha()]
    if value.isdigit():
        return string.digits
    if len(letters) + value.count(" ") < len(value):
        return value + string.ascii_lowercase * bool(letters)
    upper = string.ascii_uppercase if any(map(str.isupper, letters)) else ""
    return string.ascii_lowercase + upper + "aeiou " * 3


def _mutate_items(value: Any, draw: random.Random) -> Any:
    """Change a list or tuple; new items are mutations of its items."""
    items = list(value)
    if not items:
        return value
    place, how = draw.randrange(len(items)), draw.randrange(5)
    if how == 0:
        items = [_new_item(items, draw) if draw.random() < 0.5 else item for item in items]
    elif how == 1:
        items[place:place] = [_new_item(items, draw) for _ in range(draw.randint(1, 4))]
    elif how == 2 and len(items) > 1:
        del items[place]
    elif how == 3:
        draw.shuffle(items)
    else:
        items = [_new_item(items, draw) for _ in range(draw.randint(1, len(items) + 2))]
    return type(value)(items)


def _new_item(items: Sequence[Any], draw: random.Random) -> Any:
    """Mutate one of the items; an integer stays within the largest of them, so that digits stay digits."""
    item = draw.choice(items)
    if type(item) is int:
        return draw.randint(min(item, 0), max(abs(other) for other in items if type(other) is int))
    return _mutate(item, draw)


def _mutate_dict(value: dict[Any, Any], draw: random.Random) -> dict[Any, Any]:
    return {
        _mutate(key, draw) if draw.random() < 0.3 else key: _mutate(item, draw) if draw.random() < 0.5 else item
        for key, item in value.items()
    }


_MUTATIONS: dict[type, Callable[[Any, random.Random], Any]] = {
    bool: lambda _, draw: draw.random() < 0.5,
    int: _mutate_int,
    float: _mutate_float,
    str: _mutate_text,
    list: _mutate_items,
    tuple: _mutate_items,
    set: lambda value, draw: {_mutate(item, draw) for item in sorted(value, key=repr)},
    dict: _mutate_dict,
}
