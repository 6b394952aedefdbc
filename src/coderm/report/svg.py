"""The report's own charts as inline SVG: coloured by classes alone, so that one page works light, dark and printed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 580


@dataclass(frozen=True)
class Series:
    """A line with a band: x, y, low and high of equal length; nan leaves a gap."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Dot:
    """A value with its interval, one row of a dot plot."""

    label: str
    value: float
    low: float
    high: float
    css: str = ""


def element(tag: str, body: str | None = None, /, **attributes: object) -> str:
    """One SVG element; attribute names lose a trailing underscore and turn the others into dashes.

    `body` is SVG already; every attribute is escaped.

    >>> element("text", label("a < b"), x=1, class_="axis")
    '<text x="1" class="axis">a &lt; b</text>'
    """
    given = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(_plain(value))}"'
                    for name, value in attributes.items() if value is not None)
    return f"<{tag}{given}/>" if body is None else f"<{tag}{given}>{body}</{tag}>"


def label(text: str) -> str:
    """Text that may stand inside an element."""
    return escape(text, quote=False)


def dot_plot(dots: Sequence[Dot], marks: dict[str, float], *, title: str, low: float = 0, high: float = 100) -> str:
    """Values with intervals on one axis, one row each; `marks` are vertical lines across all rows."""
    left, right, row, top = 138, 44, 24, 26 if marks else 10
    bottom = top + row * len(dots)

    def at(value: float) -> float:
        return left + (value - low) / (high - low) * (WIDTH - left - right)

    parts = []
    for tick in _ticks(low, high):
        parts.append(element("line", x1=at(tick), x2=at(tick), y1=top, y2=bottom, class_="grid"))
        parts.append(element("text", _plain(tick), x=at(tick), y=bottom + 18, class_="axis", text_anchor="middle"))
    for name, value in marks.items():
        parts.append(element("line", x1=at(value), x2=at(value), y1=top - 6, y2=bottom, class_="mark"))
        parts.append(element("text", label(name), x=at(value), y=top - 11, class_="axis",
                             text_anchor="end" if value < 50 else "start"))
    for k, dot in enumerate(dots):
        y = top + row * (k + 0.5)
        described = f"{dot.label}: {dot.value:.1f}, interval {dot.low:.1f} to {dot.high:.1f}"
        parts.append(element("g", "".join([
            element("title", label(described)),
            element("text", label(dot.label), x=left - 12, y=y + 4, text_anchor="end", class_="name"),
            element("line", x1=at(dot.low), x2=at(dot.high), y1=y, y2=y, class_="interval"),
            element("circle", cx=at(dot.value), cy=y, r=5, class_="dot"),
            element("text", f"{dot.value:.1f}", x=WIDTH - 4, y=y + 4, text_anchor="end", class_="value"),
        ]), class_=f"row {dot.css}".strip()))
    return _chart("".join(parts), bottom + 24, title)


def line_chart(series: Sequence[Series], x_label: str, y_label: str, *, title: str, height: int = 340) -> str:
    """Lines with bands over a logarithmic x axis, each named at its end."""
    left, right, top, bottom = 46, 132, 14, height - 44
    xs = sorted({x for s in series for x in s.x})
    values = [v for s in series for v in (*s.low, *s.high, *s.y) if not math.isnan(v)]
    floor, ceiling = _bounds(values)
    first, last = math.log(xs[0]), math.log(max(xs[-1], xs[0] * 1.01))

    def across(value: float) -> float:
        return left + (math.log(value) - first) / (last - first) * (WIDTH - left - right)

    def down(value: float) -> float:
        return bottom - (value - floor) / (ceiling - floor) * (bottom - top)

    parts = []
    for tick in _ticks(floor, ceiling):
        parts.append(element("line", x1=left, x2=WIDTH - right, y1=down(tick), y2=down(tick), class_="grid"))
        parts.append(element("text", _plain(tick), x=left - 8, y=down(tick) + 4, class_="axis", text_anchor="end"))
    placed = -math.inf
    for x in xs:
        if across(x) - placed >= 26:
            placed = across(x)
            parts.append(element("text", _plain(x), x=placed, y=bottom + 18, class_="axis", text_anchor="middle"))
    parts.append(element("text", label(x_label), x=(left + WIDTH - right) / 2, y=height - 6, class_="axis",
                         text_anchor="middle"))
    parts.append(element("text", label(y_label), x=-(top + bottom) / 2, y=12, class_="axis", text_anchor="middle",
                         transform="rotate(-90)"))
    ends = _spread([down(s.y[-1]) for s in series], 15, top, bottom)
    for k, (s, end) in enumerate(zip(series, ends, strict=True)):
        points = [(across(x), down(y)) for x, y in zip(s.x, s.y, strict=True)]
        band = [(across(x), down(v)) for x, v in zip(s.x, s.high, strict=True)]
        band += [(across(x), down(v)) for x, v in reversed(list(zip(s.x, s.low, strict=True)))]
        said = [f"{s.label}, {_plain(x)}: {y:.1f} ({low:.1f} to {high:.1f})"
                for x, y, low, high in zip(s.x, s.y, s.low, s.high, strict=True)]
        dots = "".join(element("circle", element("title", label(words)), cx=x, cy=y, r=3.2, class_="dot")
                       for words, (x, y) in zip(said, points, strict=True))
        parts.append(element("g", "".join([
            element("polygon", points=_points(band), class_="band"),
            element("polyline", points=_points(points), class_="line"),
            dots,
            element("text", label(s.label), x=WIDTH - right + 12, y=end + 4, class_="name"),
        ]), class_=f"series s{k % 7}"))
    return _chart("".join(parts), height, title)


def histogram(counts: Sequence[int], *, title: str, x_label: str, height: int = 210) -> str:
    """Bars over equal bins of 0 to 100 percent, the first and last bin set apart as `edge`."""
    left, right, top, bottom = 46, 14, 18, height - 40
    step, most = (WIDTH - left - right) / len(counts), max(max(counts), 1)
    total = max(sum(counts), 1)
    parts = []
    for k, count in enumerate(counts):
        tall = count / most * (bottom - top)
        share = 100 * count / total
        parts.append(element("g", "".join([
            element("title", f"{share:.1f}% ({count:,})"),
            element("rect", x=left + k * step + 1, y=bottom - tall, width=step - 2, height=tall, class_="bar"),
            element("text", f"{share:.0f}%", x=left + (k + 0.5) * step, y=bottom - tall - 5, class_="axis",
                    text_anchor="middle") if share >= 0.5 else "",
        ]), class_="edge" if k in (0, len(counts) - 1) else None))
        parts.append(element("text", f"{100 * k / len(counts):.0f}", x=left + k * step, y=bottom + 16, class_="axis",
                             text_anchor="middle"))
    parts.append(element("text", "100", x=WIDTH - right, y=bottom + 16, class_="axis", text_anchor="middle"))
    parts.append(element("text", label(x_label), x=(left + WIDTH - right) / 2, y=height - 6, class_="axis",
                         text_anchor="middle"))
    return _chart("".join(parts), height, title)


def _chart(body: str, height: float, title: str) -> str:
    return element("svg", body, viewBox=f"0 0 {WIDTH} {_plain(height)}", role="img", aria_label=title)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers from low to high."""
    raw = (high - low) / 5
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * k for k in (1, 2, 2.5, 5, 10) if size * k >= raw)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = max((high - low) * 0.06, 0.5)
    return low - margin, high + margin


def _spread(wanted: Sequence[float], gap: float, top: float, bottom: float) -> list[float]:
    """Positions near the wanted ones and at least `gap` apart, so that names do not overlap."""
    order = sorted(range(len(wanted)), key=lambda k: wanted[k])
    placed = list(wanted)
    free = top
    for k in order:
        placed[k] = max(placed[k], free)
        free = placed[k] + gap
    for k in reversed(order):  # those that were pushed below the chart go back up
        placed[k] = min(placed[k], bottom)
        bottom = placed[k] - gap
    return placed


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
