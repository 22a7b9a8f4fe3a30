"""Values of options that several commands take."""

from __future__ import annotations

import math

from wizardcoder.core.console import StageError
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
