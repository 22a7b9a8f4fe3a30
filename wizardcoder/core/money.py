"""Money as people read it."""

from __future__ import annotations

import math


def format_cost(cost: float) -> str:
    """Format money with two significant digits, from 10 on without decimals.

    >>> format_cost(0.00123), format_cost(1.0422), format_cost(523.4), format_cost(0)
    ('0.0012', '1.0', '523', '0')
    """
    rounded = abs(float(f"{cost:.2g}"))
    if rounded == 0:
        return "0"
    decimals = max(0, 1 - math.floor(math.log10(rounded)))
    return f"{cost:,.{decimals}f}"
