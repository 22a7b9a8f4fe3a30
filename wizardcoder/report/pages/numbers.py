"""Numbers as the pages show them."""

from __future__ import annotations


def is_number(cell: object) -> bool:
    """Say whether a cell holds a number."""
    return isinstance(cell, int | float)


def format_number(value: float) -> str:
    """Format a number for people: whole ones with commas, others at four significant digits.

    >>> format_number(12287), format_number(0.00018661)
    ('12,287', '0.0001866')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
