"""What a section of the report is made of: tables, figures, cells.

In: numbers and texts. Out: parts that the page's template lays out.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from markupsafe import Markup

from wizardcoder.report.pages.numbers import is_number

Cell = str | int | float | None | Markup
"""A number (aligned right), a text, a picture; None where nothing is known."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; the first cell of a row is its heading. A folded table opens on demand."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    folded: bool = False

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Say of each column whether it holds numbers."""
        return tuple(any(is_number(cell) for cell in column) for column in zip(*self.rows, strict=True))


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture with its caption."""

    caption: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; `anchor` is its place in the address."""

    anchor: str
    title: str
    intro: str
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def share(value: float) -> str:
    """Give a share as per cent.

    >>> share(0.475)
    '47.5 %'
    """
    return f"{100 * value:.1f} %"


def span(low: float, high: float) -> str:
    """Give an interval of shares as per cent.

    >>> span(0.329, 0.625)
    '32.9 to 62.5 %'
    """
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def size(count: float) -> str:
    """Give a number of bytes as a person reads it.

    >>> size(59_774)
    '59.8 kB'
    """
    for unit, step in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count:g} B"
