"""Charts as SVG: columns, lines and bars in black ink alone, told apart by tone, dash and mark."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10
from xml.etree import ElementTree as ET

from .layout import number, points
from .paper import Chart
from .texts import width

INK, GRID = "#1a1a1a", "#c8c8c8"
TONES = ("#333333", "#a6a6a6", "#ffffff", "#d9d9d9")
DASHES = ("", "6 3", "1.5 2.5", "8 3 1.5 3")
NONE = "–"
"""Stands where there is no figure."""
HEIGHT = 54.0
"""Of the upright ones, in mm: two of them and a small table stand on a page."""
SMALLEST = 6.5
"""Of the figures at bars, in pt: what would have to be smaller is left to the scale."""
ROW = 12.5
"""Of a bar chart, the height of a row, in pt; with more series each further one adds to it."""


def shown(value: float | None, places: int) -> str:
    return NONE if value is None else f"{value:.{places}f}"


def scale(values: Sequence[float]) -> tuple[list[float], int]:
    """Round marks from zero, or below it, to beyond the largest value; and the places that they need.

    Never from anywhere else: an axis that is cut makes much of little.
    """
    low, high = min(0.0, *values), max(0.0, *values)
    span = high - low if high - low > 1e-6 else 1.0
    step = 10 ** floor(log10(span / 4))
    step *= next(factor for factor in (1, 2, 2.5, 5, 10) if span / (factor * step) <= 5)
    places = next(p for p in range(13) if abs(step - round(step, p)) < step * 1e-9)
    last = max(ceil(high / step), floor(low / step) + 1)
    return [n * step for n in range(floor(low / step), last + 1)], places


class _Drawing:
    """Shapes and texts of one picture; texts are escaped by the library that writes them."""

    def __init__(self, wide: float, high: float, family: str, size: float) -> None:
        self.root = ET.Element(
            "svg", {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {wide:.2f} {high:.2f}",
                    "width": f"{wide:.2f}pt", "height": f"{high:.2f}pt"},
        )  # fmt: skip
        self.family, self.size = family, size

    def shape(self, tag: str, **attributes: float | str) -> None:
        ET.SubElement(
            self.root, tag,
            {k.replace("_", "-"): f"{v:.2f}" if isinstance(v, float) else str(v) for k, v in attributes.items()},
        )  # fmt: skip

    def line(self, x1: float, y1: float, x2: float, y2: float, stroke: str = INK, wide: float = 0.6) -> None:
        self.shape("line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=stroke, stroke_width=wide)

    def text(self, x: float, y: float, words: str, anchor: str = "start", size: float = 0.0) -> None:
        made = ET.SubElement(
            self.root, "text",
            {"x": f"{x:.2f}", "y": f"{y:.2f}", "text-anchor": anchor, "font-family": self.family,
             "font-size": f"{size or self.size:.2f}", "fill": INK},
        )  # fmt: skip
        made.text = words

    def key(self, chart: Chart, wide: float) -> None:
        """Which tone is which, above the picture, and the unit at its left."""
        size, x = self.size, wide
        self.text(0.0, size, f"单位：{chart.unit}" if chart.unit else "")
        if len(chart.series) == 1:
            return
        for n, one in reversed(list(enumerate(chart.series))):
            name = cut(one.name, 14)
            x -= width(name) * size + 4
            self.text(x, size, name)
            x -= 22
            if chart.kind == "line":
                self._stroke(n, f"M{x:.2f} {size * 0.65:.2f}h18")
                self._mark(n, x + 9, size * 0.65)
            else:
                self.shape("rect", x=x + 6, y=size * 0.25, width=12.0, height=size * 0.75, **_fill(n))
            x -= 8

    def _stroke(self, n: int, path: str) -> None:
        self.shape("path", d=path, fill="none", stroke=INK, stroke_width=1.2, stroke_dasharray=DASHES[n] or "none")

    def _mark(self, n: int, x: float, y: float) -> None:
        if n % 2:
            self.shape("rect", x=x - 2.2, y=y - 2.2, width=4.4, height=4.4, **_fill(n))
        else:
            self.shape("circle", cx=x, cy=y, r=2.4, **_fill(n))


def _fill(n: int) -> dict[str, float | str]:
    return {"fill": TONES[n], "stroke": INK, "stroke_width": 0.5}


def cut(text: str, most: int) -> str:
    """At most so many characters, with … for the rest."""
    text = text.replace("\n", " ")
    return text if len(text) <= most else text[: most - 1] + "…"


def svg(chart: Chart, family: str) -> str:
    """The picture, as wide as the text of the page, in the font `family`."""
    wide, size = points(number("text_width")), number("chart_size")
    values = [value for one in chart.series for value in one.values if value is not None]
    if chart.kind == "bar":
        drawing = _bars(chart, wide, size, family, values)
    else:
        drawing = _upright(chart, wide, size, family, values)
    return ET.tostring(drawing.root, encoding="unicode")


def _upright(chart: Chart, wide: float, size: float, family: str, values: list[float]) -> _Drawing:
    high = points(HEIGHT)
    drawing = _Drawing(wide, high, family, size)
    drawing.key(chart, wide)
    marks, places = scale(values or [0.0])
    labels = [f"{mark:.{places}f}" for mark in marks]
    left = max(map(width, labels)) * size + 6
    top, bottom = size * 2.6, high - size * 1.8
    unit = (bottom - top) / (marks[-1] - marks[0])

    def y(value: float) -> float:
        return bottom - (value - marks[0]) * unit

    for mark, label in zip(marks, labels, strict=True):
        drawing.line(left, y(mark), wide, y(mark), INK if mark == max(marks[0], 0) else GRID)
        drawing.text(left - 4, y(mark) + size * 0.35, label, "end")
    slot, count = (wide - left) / len(chart.names), len(chart.series)
    every = ceil(max(width(cut(name, 8)) for name in chart.names) * size / slot * 1.1) or 1
    for at, name in enumerate(chart.names):
        if at % every == 0:
            drawing.text(left + slot * (at + 0.5), bottom + size * 1.3, cut(name, 8), "middle")
    widest = max((width(shown(value, chart.places)) for value in values), default=1)
    lettered = widest * size * 0.85
    if chart.kind == "column":
        bar = slot * 0.72 / count
        # Figures of neighbouring columns do not run into each other: a tenth of the column stays free between them.
        small = min(size * 0.85, bar * 0.9 / widest)
        for n, one in enumerate(chart.series):
            for at, value in enumerate(one.values):
                x = left + slot * at + slot * 0.14 + bar * n
                foot = y(value or 0.0)
                drawing.shape("rect", x=x, y=min(foot, y(0.0)), width=bar, height=abs(foot - y(0.0)), **_fill(n))
                if small >= SMALLEST or value is None:
                    above = y(max(value or 0.0, 0.0)) - 2.5
                    drawing.text(x + bar / 2, above, shown(value, chart.places), "middle", max(small, SMALLEST))
        return drawing
    for n, one in enumerate(chart.series):
        path, pen = "", "M"
        points_at = [(left + slot * (at + 0.5), value) for at, value in enumerate(one.values)]
        for x, value in points_at:
            if value is None:
                pen = "M"
                continue
            path, pen = f"{path}{pen}{x:.2f} {y(value):.2f}", "L"
        if path:
            drawing._stroke(n, path)
        for x, value in points_at:
            if value is not None:
                drawing._mark(n, x, y(value))
    for at in range(len(chart.names) if lettered <= slot and count <= 2 else 0):
        # Of two figures the higher stands above its mark, the lower below.
        there = sorted((one.values[at], n) for n, one in enumerate(chart.series) if one.values[at] is not None)
        for place, (value, _n) in enumerate(there):
            below = len(there) == 2 and place == 0
            level = y(value or 0.0) + (size * 0.85 + 4 if below else -5.0)
            words = shown(value, chart.places)
            drawing.text(left + slot * (at + 0.5), level, words, "middle", size * 0.85)
    return drawing


def _bars(chart: Chart, wide: float, size: float, family: str, values: list[float]) -> _Drawing:
    """A row for each name; the value stands at the end of its bar."""
    count = len(chart.series)
    row = min(ROW * (1 + 0.55 * (count - 1)), points(number("text_height") - 25) / len(chart.names))
    size = min(size, row * 0.8)
    top = size * 2
    high = top + row * len(chart.names) + 2
    drawing = _Drawing(wide, high, family, size)
    drawing.key(chart, wide)
    names = [cut(name, 14) for name in chart.names]
    left = max(map(width, names)) * size + 6
    right = wide - max((width(shown(value, chart.places)) for value in values), default=2) * size - 8
    low, most = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    unit = (right - left) / ((most - low) or 1.0)
    zero = left - low * unit
    thick = row * 0.76 / count
    # A figure is no higher than its bar, and stays clear of the next one's.
    small = size if count == 1 else min(size, max(thick * 1.15, SMALLEST))
    for at, name in enumerate(names):
        y = top + row * at
        drawing.text(left - 4, y + row / 2 + size * 0.35, name, "end")
        for n, one in enumerate(chart.series):
            value, upper = one.values[at], y + row * 0.12 + thick * n
            long = abs(value or 0.0) * unit
            start = zero - long if (value or 0.0) < 0 else zero
            drawing.shape("rect", x=start, y=upper, width=long, height=thick, **_fill(n))
            drawing.text(start + long + 3, upper + thick / 2 + small * 0.36, shown(value, chart.places), size=small)
    drawing.line(zero, top, zero, high - 2)
    return drawing
