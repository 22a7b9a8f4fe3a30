"""Small drawings for a page, as inline SVG that takes its colours from the page's style sheet.

In: numbers and names. Out: markup without scripts, style attributes or ids, so that it works under any content security
policy and follows the page's theme. A chart or graph has a text alternative; a drawing in a cell is next to its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 240  # of a chart; a phone shows a unit as 0.8 pixels
LEFT, RIGHT, TOP, BOTTOM = 50, 14, 14, 42
ROW, DOT = 46, 104  # of a graph: the height of a node, and the x of its dot
TICKS = 5
_DASHES = ("none", "7 4", "2 3", "9 3 2 3")  # lines differ in more than their colour
_MOST_POINTS = 30  # a longer line has no dots


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart, its points (x, y) in the order in which they are joined."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node of a graph: its name, a line of detail, and the earlier nodes that it needs."""

    name: str
    detail: str
    needs: tuple[str, ...]


def interval(value: float, low: float, high: float, start: float = 0.0, end: float = 1.0) -> Markup:
    """Draw an estimate as a dot on its interval, on an axis from `start` to `end` as wide as its cell."""
    x, x_low, x_high = (_percent(v - start, end - start) for v in (value, low, high))
    zero = _percent(-start if start < 0 < end else 0, end - start)
    return _cell(
        '<line class="axis" x1="0%" x2="100%" y1="9" y2="9"/>'
        f'<line class="axis" x1="{zero}" x2="{zero}" y1="2" y2="16"/>'
        f'<line class="whisker" x1="{x_low}" x2="{x_high}" y1="9" y2="9"/>'
        f'<circle class="dot" cx="{x}" cy="9" r="4.5"/>'
    )


def bar(parts: Sequence[float], total: float) -> Markup:
    """Draw shares of a total as one bar as wide as its cell: the first filled, the second lighter, and so on."""
    starts = [sum(parts[:number]) for number in range(len(parts))]
    return _cell(
        "".join(
            f'<rect class="part{number}" x="{_percent(x, total)}" y="3" width="{_percent(part, total)}" height="12"/>'
            for number, (x, part) in enumerate(zip(starts, parts, strict=True))
        )
    )


def chart(lines: Sequence[Line], x_label: str, y_label: str, alternative: str) -> Markup:
    """Draw lines over common axes; empty if there are fewer than two different x values."""
    lines = [line for line in lines if line.points]
    xs = {x for line in lines for x, _ in line.points}
    ys = {y for line in lines for _, y in line.points}
    if len(xs) < 2:
        return Markup("")
    whole = all(float(x).is_integer() for x in xs)
    frame = _Frame(min(xs), max(xs), _ticks(min(xs), max(xs), whole=whole), _ticks(min(ys), max(ys)))
    drawn = [frame.grid(), frame.labels(x_label, y_label)]
    for number, line in enumerate(lines):
        drawn.append(frame.line(number, line))
        if len(lines) > 1:
            drawn.append(_key(number, line.name))
    return _picture("chart", WIDTH, HEIGHT + 18 * (len(lines) if len(lines) > 1 else 0), alternative, drawn)


def graph(nodes: Sequence[GraphNode], alternative: str) -> Markup:
    """Draw nodes below each other, with an arc on the left from each node to each node that needs it."""
    heights = {node.name: ROW // 2 + ROW * number for number, node in enumerate(nodes)}
    drawn = [_arc(heights[need], heights[node.name]) for node in nodes for need in node.needs if need in heights]
    for node in nodes:
        y = heights[node.name]
        drawn.append(
            f'<circle class="dot" cx="{DOT}" cy="{y}" r="5"/>'
            f'<text class="name" x="{DOT + 16}" y="{y - 2}">{escape(node.name)}</text>'
            f'<text x="{DOT + 16}" y="{y + 14}">{escape(node.detail)}</text>'
        )
    return _picture("graph", WIDTH - 40, ROW * len(nodes), alternative, drawn)


@dataclass(frozen=True, slots=True)
class _Frame:
    """The axes of a chart: x from the lowest to the highest value, y from the first to the last tick."""

    x_low: float
    x_high: float
    x_ticks: list[float]
    y_ticks: list[float]

    def x(self, value: float) -> float:
        share = (value - self.x_low) / (self.x_high - self.x_low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        share = (value - self.y_ticks[0]) / (self.y_ticks[-1] - self.y_ticks[0])
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> str:
        floor_y = HEIGHT - BOTTOM
        across = [
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(v):.1f}" y2="{self.y(v):.1f}"/>'
            f'<text class="end" x="{LEFT - 7}" y="{self.y(v) + 4:.1f}">{v:g}</text>'
            for v in self.y_ticks
        ]
        down = [
            f'<line class="axis" x1="{self.x(v):.1f}" x2="{self.x(v):.1f}" y1="{floor_y}" y2="{floor_y + 4}"/>'
            f'<text class="middle" x="{self.x(v):.1f}" y="{floor_y + 18}">{v:g}</text>'
            for v in self.x_ticks
            if self.x_low <= v <= self.x_high
        ]
        return "".join(across + down)

    def labels(self, x_label: str, y_label: str) -> str:
        middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
        return (
            f'<text class="middle" x="{LEFT + (WIDTH - LEFT - RIGHT) / 2:g}" y="{HEIGHT - 6}">{escape(x_label)}</text>'
            f'<text class="middle" x="12" y="{middle:g}" transform="rotate(-90 12 {middle:g})">{escape(y_label)}</text>'
        )

    def line(self, number: int, line: Line) -> str:
        places = [(self.x(x), self.y(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        drawn = f'<polyline class="line{number}" stroke-dasharray="{_DASHES[number % 4]}" points="{path}"/>'
        if len(places) <= _MOST_POINTS:
            drawn += "".join(f'<circle class="point{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places)
        return drawn


def _ticks(low: float, high: float, *, whole: bool = False) -> list[float]:
    """Return about five round numbers that enclose a range; with `whole` they are integers."""
    if low == high:
        low, high = low - abs(low) / 2, high + abs(high or 1) / 2
    rough = (high - low) / TICKS
    power = 10.0 ** floor(log10(rough))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= rough * 0.999)
    step = max(step, 1.0) if whole else step
    return [float(f"{n * step:.9g}") for n in range(floor(low / step + 1e-9), ceil(high / step - 1e-9) + 1)]


def _key(number: int, name: str) -> str:
    y = HEIGHT + 18 * number + 8
    return (
        f'<line class="line{number}" stroke-dasharray="{_DASHES[number % 4]}" x1="{LEFT}" x2="{LEFT + 34}" y1="{y}" '
        f'y2="{y}"/><text x="{LEFT + 42}" y="{y + 4}">{escape(name)}</text>'
    )


def _arc(start: int, end: int) -> str:
    bow = DOT - min(1.28 * DOT, 24 * (abs(end - start) / ROW) ** 0.8)
    return f'<path class="arc" d="M{DOT} {start}C{bow:.0f} {start} {bow:.0f} {end} {DOT} {end}"/>'


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole if whole else 0:.4g}%"


def _cell(drawn: str) -> Markup:
    return Markup(f'<svg class="cell" height="18" aria-hidden="true">{drawn}</svg>')  # noqa: S704 - numbers alone


def _picture(kind: str, width: int, height: int, alternative: str, drawn: Iterable[str]) -> Markup:
    head = f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(alternative)}">'
    return Markup(f"{head}{''.join(drawn)}</svg>")  # noqa: S704 - its texts were escaped above
