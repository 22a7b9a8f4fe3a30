"""The calls by which two functions are compared: those of a problem's tests, and variations of them.

In: a problem. Out: lists of arguments. The tests' own are read out of their text, where they are written as values;
nothing is run. Does not cover: tests that build their arguments (prober.py runs those).
"""

from __future__ import annotations

import ast
import math
import random
import string
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, permutations
from typing import Any

from wizardcoder.benchmarks.problem import Problem
from wizardcoder.decontamination.execution.argument_invariants import Arguments, Habits
from wizardcoder.sandbox import wire as values

_MOST_BYTES = 2_000  # of a call; EvalPlus has some of 100 kB, which tell no more
_TRIES = 5  # draws for each variation that is wanted
_LARGE = 1e6  # what counts up to a number runs through it in a second, in C, where no timer ends it
_MOST_PERMUTED = 3  # arguments


def calls_of_tests(problem: Problem) -> list[Arguments]:
    """Give the arguments with which a problem's tests call its function, each list once."""
    if problem.checker == "inputs":
        return distinct(list(arguments) for arguments in problem.base_inputs)
    names = {problem.entry_point, "candidate"} if problem.checker == "check" else {problem.entry_point}
    try:
        tree = ast.parse(problem.test)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    calls = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names
    )
    return distinct(found for call in calls if (found := _literal(call)))


def varied_calls(problem: Problem, calls: Sequence[Arguments], count: int) -> list[Arguments]:
    """Give up to `count` more: EvalPlus's where the problem has them, else variations of `calls`, drawn by task_id."""
    draw = random.Random(problem.task_id)
    if problem.plus_inputs:
        more = distinct(list(arguments) for arguments in problem.plus_inputs)
        return draw.sample(more, min(count, len(more)))
    found: list[Arguments] = []
    habits = Habits.of(calls)
    for _ in range(_TRIES * count):
        arguments = habits.kept(_varied(calls, draw), draw)
        if (
            len(found) < count
            and arguments not in found
            and arguments not in calls
            and not _has_large_number(arguments)
        ):
            found.append(arguments)
    return found


def forms(calls: Sequence[Arguments]) -> list[Callable[[Arguments], Arguments]]:
    """Give the ways in which another function of the same task may take its arguments.

    As they are; in another order; without whole numbers, which are often but another argument's length.
    """
    width = len(calls[0])
    if width > _MOST_PERMUTED or any(len(arguments) != width for arguments in calls):
        return [list]
    numbers = [place for place in range(width) if all(type(arguments[place]) is int for arguments in calls)]
    left_out = [places for count in range(min(len(numbers), width - 1) + 1) for places in combinations(numbers, count)]
    orders = [o for places in left_out for o in permutations(place for place in range(width) if place not in places)]
    return [_picker(order) for order in orders]


def _picker(order: tuple[int, ...]) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [arguments[place] for place in order]


def _literal(call: ast.Call) -> Arguments | None:
    """Give a call's arguments where all are plain values, None otherwise."""
    if call.keywords:
        return None
    try:
        return [ast.literal_eval(argument) for argument in call.args]
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def distinct(calls: Iterable[Arguments]) -> list[Arguments]:
    """Give each call once; those that are too large or cannot cross into the sandbox are left out."""
    found: dict[bytes, Arguments] = {}
    for arguments in calls:
        try:
            encoded = values.dumps([[[arguments]]])  # as deep as in a list of calls
        except ValueError:
            continue
        if len(encoded) <= _MOST_BYTES and not _has_large_number(arguments):
            found.setdefault(encoded, arguments)
    return list(found.values())


def _has_large_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_large_number, [*value, *value.values()]))
    if isinstance(value, list | tuple | set):
        return any(map(_has_large_number, value))
    return isinstance(value, int | float) and not abs(value) <= _LARGE  # nan as well


def _varied(calls: Sequence[Arguments], draw: random.Random) -> Arguments:
    """Mix the arguments of calls, and change most of them."""
    base = draw.choice(calls)
    alike = [arguments for arguments in calls if len(arguments) == len(base)]
    mixed = [draw.choice(alike)[place] for place in range(len(base))]
    return [_changed(value, draw) if draw.random() < 0.8 else value for value in mixed]


def _changed(value: Any, draw: random.Random) -> Any:
    """Give a value of the same type nearby, or a wholly other one."""
    change = _CHANGES.get(type(value))
    return value if change is None else change(value, draw)


def _changed_int(value: int, draw: random.Random) -> int:
    least = min(value, 0)  # a positive number stays positive: many tasks know no other
    return draw.choice([value + 1, max(value - 1, least), 2 * value, draw.randint(least, abs(value) + 30)])


def _changed_float(value: float, draw: random.Random) -> float:
    whole = float(round(value)) if math.isfinite(value) else 0.0
    return draw.choice([value + 1.5, 2 * value, value / 2, whole, round(draw.uniform(0, 20), 2)])


def _changed_text(value: str, draw: random.Random) -> str:
    """Change characters, or words as wholes; only so what is neither letters nor digits, such as groups of brackets."""
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
    """Give what a text of the same kind may hold: digits stay digits and brackets brackets, words get others."""
    letters = [character for character in value if character.isalpha()]
    if value.isdigit():
        return string.digits
    if len(letters) + value.count(" ") < len(value):
        return value + string.ascii_lowercase * bool(letters)
    upper = string.ascii_uppercase if any(map(str.isupper, letters)) else ""
    return string.ascii_lowercase + upper + "aeiou " * 3


def _changed_items(value: Any, draw: random.Random) -> Any:
    """Change a list or tuple; what is put in is made of what is there."""
    items = list(value)
    if not items:
        return value

    def new() -> Any:
        """Change one of the items; a whole number grows no greater than those that are there: digits stay digits."""
        item = draw.choice(items)
        if type(item) is int:
            return draw.randint(min(item, 0), max(abs(other) for other in items if type(other) is int))
        return _changed(item, draw)

    place, how = draw.randrange(len(items)), draw.randrange(5)
    if how == 0:
        items = [new() if draw.random() < 0.5 else item for item in items]
    elif how == 1:
        items[place:place] = [new() for _ in range(draw.randint(1, 4))]
    elif how == 2 and len(items) > 1:
        del items[place]
    elif how == 3:
        draw.shuffle(items)
    else:
        items = [new() for _ in range(draw.randint(1, len(items) + 2))]
    return type(value)(items)


def _changed_dict(value: dict[Any, Any], draw: random.Random) -> dict[Any, Any]:
    return {
        _changed(key, draw) if draw.random() < 0.3 else key: _changed(item, draw) if draw.random() < 0.5 else item
        for key, item in value.items()
    }


_CHANGES: dict[type, Callable[[Any, random.Random], Any]] = {
    bool: lambda _, draw: draw.random() < 0.5,
    int: _changed_int,
    float: _changed_float,
    str: _changed_text,
    list: _changed_items,
    tuple: _changed_items,
    set: lambda value, draw: {_changed(item, draw) for item in sorted(value, key=repr)},
    dict: _changed_dict,
}
