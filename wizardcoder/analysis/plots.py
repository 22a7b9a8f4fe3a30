"""The kinds of plot in the analysis, each readable without colour.

In: numbers by round, with labels. Out: PNG and SVG, the same bytes for the same numbers. What a figure shows, and its
title: figures.py.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from wizardcoder.analysis.round_statistics import Spread
from wizardcoder.core import paths
from wizardcoder.core.records import write_bytes

SIZE_INCHES = (6.0, 4.0)
DOTS_PER_INCH = 150
# a fill and a hatch distinguish the parts of a bar; as many as can be distinguished
FILLS = ("#333333", "#d9d9d9", "#ffffff", "#a6a6a6", "#ffffff", "#d9d9d9", "#ffffff")
HATCHES = ("", "", "////", "", "....", "\\\\\\\\", "xxxx")
MARKERS = ("o", "s", "^", "D")
DASHES = ("-", "--", ":", "-.")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 10.0,
    "hatch.linewidth": 0.6,
    "hatch.color": "#555555",
    "legend.frameon": False,
    "svg.hashsalt": "analyze",
}
_NONE = "no data"
_DARK, _LIGHT = "#222222", "#999999"
_SIDES = ((7, 6), (-7, 6), (7, -6), (-7, -6), (0, 11))  # of a dot, in points
_LEAST_LABELLED = 0.06  # a segment's share of the axis in which a number still has room


@contextmanager
def picture(stem: Path, title: str, panels: int = 1, columns: int = 1, note: str = "") -> Iterator[list[Axes]]:
    """Yield a figure's panels to draw in, then write `stem`.png and `stem`.svg; the title is above, the note below."""
    rows = -(-panels // columns)
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        width, height = SIZE_INCHES
        figure = Figure(figsize=(width, height * max(1.0, rows / 2)), layout="constrained")
        figure.suptitle(title, x=0.02, ha="left")
        figure.supxlabel(note, fontsize=_STYLE["font.size"])
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for spare in axes[panels:]:
            spare.set_axis_off()
        yield axes[:panels]
        for suffix, metadata in ((".png", {}), (".svg", {"Date": None})):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix[1:], dpi=DOTS_PER_INCH, metadata=metadata)
            figure.set_layout_engine("none")  # laid out once
            write_bytes(stem.with_suffix(suffix), buffer.getvalue())


def no_data(axes: Axes, why: str = _NONE) -> None:
    """Write in a panel that there is nothing to draw."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.text(0.5, 0.5, why, ha="center", va="center", color=_DARK, transform=axes.transAxes, wrap=True)


def stacked(
    axes: Axes, bars: Mapping[str, Mapping[str, int]], parts: Sequence[str], shares: bool, ends: Sequence[str]
) -> None:
    """Draw a stacked horizontal bar for each label, the first on top; `ends` are written behind the bars.

    With `shares` every bar has the same length, 100 %; a bar without counts is empty.
    """
    labels = list(bars)
    totals = [sum(bars[label].values()) for label in labels]
    longest = max(totals, default=0)
    if not longest:
        no_data(axes)
        return
    scale = [100 / total if shares and total else 1.0 for total in totals]
    whole = 100.0 if shares else float(longest)
    left = np.zeros(len(labels))
    for number, part in enumerate(parts):
        counts = [bars[label].get(part, 0) for label in labels]
        lengths = np.array([count * unit for count, unit in zip(counts, scale, strict=True)])
        fill, hatch = FILLS[number % len(FILLS)], HATCHES[number % len(HATCHES)]
        axes.barh(labels, lengths, left=left, color=fill, hatch=hatch, edgecolor=_DARK, linewidth=0.6, label=part)
        for row, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            if length >= _LEAST_LABELLED * whole:
                _inside(axes, left[row] + length / 2, row, f"{count:,}", dark=number == 0)
        left += lengths
    for row, (end, text) in enumerate(zip(left, ends, strict=True)):
        axes.text(
            end + whole / 80, row, text if totals[row] or not shares else _NONE, va="center", ha="left", color=_DARK
        )
    axes.set_xlim(0, whole * 1.16)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=-(-len(parts) // 2), handlelength=2.2, handleheight=1.2
    )


def spreads(axes: Axes, by_round: Mapping[int, Spread], title: str, why_none: str = _NONE) -> None:
    """Draw each round's median as a dot, its quartiles as a bar, its mean as a cross."""
    axes.set_title(title, loc="left")
    if not by_round:
        no_data(axes, why_none)
        return
    rounds, found = list(by_round), list(by_round.values())
    medians = [s.median for s in found]
    quartiles = ([s.median - s.q1 for s in found], [s.q3 - s.median for s in found])
    axes.errorbar(rounds, medians, yerr=quartiles, fmt="o", color=_DARK, capsize=3, markersize=5, linewidth=1.0)
    axes.plot(rounds, [s.mean for s in found], "x", color=_DARK, markersize=6)
    for x, s in zip(rounds, found, strict=True):
        axes.annotate(
            f"{s.median:.{0 if s.median >= 20 else 1}f}".removesuffix(".0"),
            (x, s.median),
            (5, 0),
            textcoords="offset points",
            va="center",
        )
    _round_axis(axes)
    axes.set_ylim(0, max(max(s.q3, s.mean) for s in found) * 1.1 or 1.0)


def lines(axes: Axes, series: Mapping[str, Mapping[int, float]], title: str) -> None:
    """Draw a line over the rounds for each series, with its name at the end; values from 0 to 1."""
    axes.set_title(title, loc="left")
    drawn = {name: values for name, values in series.items() if values}
    if not drawn:
        no_data(axes)
        return
    for number, (name, values) in enumerate(drawn.items()):
        marker, dash = MARKERS[number % len(MARKERS)], DASHES[number % len(DASHES)]
        axes.plot(list(values), list(values.values()), dash, marker=marker, color=_DARK, markersize=5, label=name)
    ends = {name: values[max(values)] for name, values in drawn.items()}
    last = max(max(values) for values in drawn.values())
    for name, height in apart(ends, 0.07).items():
        axes.text(last + 0.2, height, name, va="center")
    _round_axis(axes)
    axes.set_ylim(0, 1.04)


def crosses(axes: Axes, points: Mapping[int, tuple[Spread, Spread]], title: str, why_none: str = _NONE) -> None:
    """Draw each round as a dot at two means, joined in order, with their 95 % intervals as bars and its number.

    The numbers are on different sides of the dots, so that they can be read if dots overlap.
    """
    axes.set_title(title, loc="left")
    if not points:
        no_data(axes, why_none)
        return
    axes.plot([x.mean for x, _ in points.values()], [y.mean for _, y in points.values()], color=_LIGHT, linewidth=0.8)
    for number, (x, y) in points.items():
        axes.errorbar(x.mean, y.mean, xerr=x.margin, yerr=y.margin, color=_LIGHT, capsize=2, linewidth=0.8)
        axes.plot(x.mean, y.mean, "o", color=_DARK, markersize=4, zorder=3)
        beside: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "center", "fontweight": "bold"}
        axes.annotate(str(number), (x.mean, y.mean), _SIDES[number % len(_SIDES)], **beside, zorder=4)
    axes.margins(0.15)
    axes.xaxis.set_major_locator(MaxNLocator(4))


def apart(heights: Mapping[str, float], gap: float) -> dict[str, float]:
    """Move labels up until each is at least `gap` above the one below it.

    >>> apart({"a": 0.25, "b": 0.25}, 0.5)
    {'a': 0.25, 'b': 0.75}
    """
    moved: dict[str, float] = {}
    lowest = float("-inf")
    for name, height in sorted(heights.items(), key=lambda item: item[1]):
        moved[name] = max(height, lowest)
        lowest = moved[name] + gap
    return moved


def _inside(axes: Axes, x: float, y: float, text: str, dark: bool) -> None:
    box = {"facecolor": "none" if dark else "#ffffff", "edgecolor": "none", "pad": 0.8}
    axes.text(x, y, text, ha="center", va="center", color="#ffffff" if dark else _DARK, bbox=box)


def _round_axis(axes: Axes) -> None:
    axes.set_xlabel("round (0: seed)")
    axes.set_xticks(paths.ROUND_NUMBERS)
    axes.set_xlim(-0.4, paths.LAST_ROUND + 0.6)
