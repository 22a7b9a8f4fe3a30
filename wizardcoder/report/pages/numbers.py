"""Numbers formatted for people: counts, shares, intervals, sizes."""

from __future__ import annotations


def is_number(cell: object) -> bool:
    """Return whether a cell holds a number."""
    return isinstance(cell, int | float)


def format_number(value: float) -> str:
    """Format a number: integers with commas, others with four significant digits.

    >>> format_number(12287), format_number(0.00018661)
    ('12,287', '0.0001866')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def format_percent(share: float) -> str:
    """Format a share as per cent.

    >>> format_percent(0.475)
    '47.5 %'
    """
    return f"{100 * share:.1f} %"


def format_percent_range(low: float, high: float) -> str:
    """Format an interval of shares as per cent.

    >>> format_percent_range(0.329, 0.625)
    '32.9 to 62.5 %'
    """
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def format_size(size_bytes: float) -> str:
    """Format a number of bytes with its unit.

    >>> format_size(59_774)
    '59.8 kB'
    """
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size_bytes >= step:
            return f"{size_bytes / step:.1f} {unit}"
    return f"{size_bytes:g} B"
