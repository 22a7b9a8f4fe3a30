"""The parts of a section of the report: tables, figures, cells. The page's template lays them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from markupsafe import Markup

from wizardcoder.report.pages.numbers import is_number

Cell = str | int | float | None | Markup
"""A number (aligned right), a text, a drawing; None for an unknown value."""
T = TypeVar("T")
Column = tuple[str, Callable[[T], Cell]]
"""A column's heading, and the function that returns a row's cell."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; the first cell of a row is its heading. The reader opens a folded table."""

    caption: str
    head: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    folded: bool = False

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Return for each column whether it holds numbers."""
        return tuple(any(is_number(cell) for cell in column) for column in zip(*self.rows, strict=True))


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing with its caption."""

    caption: str
    svg: Markup


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page; `anchor` is its fragment in the page's address."""

    anchor: str
    title: str
    intro: str
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def table_of(caption: str, columns: Sequence[Column[T]], rows: Iterable[T], *, folded: bool = False) -> Table:
    """Build a table from rows and a list of columns."""
    head = tuple(heading for heading, _ in columns)
    return Table(caption, head, [tuple(cell(row) for _, cell in columns) for row in rows], folded)


def without_empty(tables: Iterable[Table]) -> list[Table]:
    """Return the tables that have rows."""
    return [table for table in tables if table.rows]
