"""Values of options that several commands take."""

from __future__ import annotations

import math

from wizardcoder.core.console import StageError
from wizardcoder.evolution.seed_forms import FIELDS
from wizardcoder.teacher.budget import Price


def read_price(price: tuple[float, float] | None) -> Price | None:
    """Read `--price IN OUT`.

    Raises:
        StageError: a price is negative or not a number.
    """
    if price is None:
        return None
    if not all(math.isfinite(each) and each >= 0 for each in price):
        raise StageError(f"--price: found {price[0]:g} {price[1]:g}, accepted: two numbers of at least 0")
    return Price(*price)


def read_fields(pairs: list[str]) -> dict[str, str]:
    """Read `--field OURS=THEIRS`, each of our names once.

    Raises:
        StageError: a pair is not of this form, names no field of ours, or one of them twice.
    """
    fields: dict[str, str] = {}
    for pair in pairs:
        ours, _, theirs = pair.partition("=")
        if ours not in FIELDS or not theirs:
            raise StageError(f"--field: found {pair!r}, accepted: NAME=FIELD, where NAME is one of {', '.join(FIELDS)}")
        if ours in fields:
            raise StageError(f"--field: found {ours} twice, accepted: each name once")
        fields[ours] = theirs
    return fields
