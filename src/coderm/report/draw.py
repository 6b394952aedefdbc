"""Draws a plot as PDF, SVG and PNG with matplotlib, and writes what was plotted as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coderm.errors import MissingExtra
from coderm.report.series import Line, Plot

COLOURS = ("#2f74c0", "#c85f14", "#178a54", "#9a4fb8", "#946f00", "#c2396b", "#5c6b7a")
FORMATS = ("pdf", "svg", "png")


def write_csv(plot: Plot, out: Path) -> Path:
    """One row a point: panel, line, x, mean, low, high."""
    path = out / f"{plot.name}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["panel", "line", "x", "mean", "low", "high"])
        for line in plot.lines:
            for point in zip(line.x, line.mean, line.low, line.high, strict=True):
                writer.writerow([line.panel, line.label, point[0], *(f"{value:.3f}" for value in point[1:])])
    return path


def draw_lines(plot: Plot, out: Path) -> list[Path]:
    """Lines with bands over a logarithmic axis, a panel each."""
    figure, panels = _figure(plot)
    for axes, lines in panels:
        for line, colour in zip(lines, _cycle(len(lines)), strict=True):
            axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.13, linewidth=0)
            axes.plot(line.x, line.mean, marker="o", markersize=3.5, color=colour, label=line.label)
        ticks = _ticks([x for line in lines for x in line.x])
        axes.set_xscale("log")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.legend(frameon=False, fontsize=8)
    return _save(figure, plot.name, out)


def draw_groups(plot: Plot, out: Path) -> list[Path]:
    """Points with intervals side by side at each x, a panel each (Ma et al. 2025, Fig. 5)."""
    figure, panels = _figure(plot)
    for axes, lines in panels:
        places = sorted({x for line in lines for x in line.x})
        for k, (line, colour) in enumerate(zip(lines, _cycle(len(lines)), strict=True)):
            at = [places.index(x) + (k - (len(lines) - 1) / 2) * 0.6 / len(lines) for x in line.x]
            ends = [[max(0.0, m - low) for m, low in zip(line.mean, line.low, strict=True)],
                    [max(0.0, high - m) for m, high in zip(line.mean, line.high, strict=True)]]
            axes.errorbar(at, line.mean, ends, fmt="o", capsize=3, color=colour, label=line.label)
        axes.set_xticks(range(len(places)), [str(place) for place in places])
        axes.legend(frameon=False, fontsize=8)
    return _save(figure, plot.name, out)


def draw_heat(plot: Plot, out: Path) -> list[Path]:
    """The lines of each panel as the rows of a heat map (Ma et al. 2025, Fig. 8)."""
    figure, panels = _figure(plot)
    limit = max(abs(value) for line in plot.lines for value in line.mean) or 1.0
    for axes, lines in panels:
        image = axes.imshow([line.mean for line in lines], aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit)
        for i, line in enumerate(lines):
            for j, value in enumerate(line.mean):
                axes.text(j, i, f"{value:.1f}", ha="center", va="center", fontsize=7,
                          color="white" if abs(value) > 0.6 * limit else "black")
        axes.set_xticks(range(len(lines[0].x)), [str(x) for x in lines[0].x])
        axes.set_yticks(range(len(lines)), [line.label for line in lines])
        axes.set_ylabel("")
        axes.grid(False)
        figure.colorbar(image, ax=axes, label=plot.y_label)
    return _save(figure, f"{plot.name}-heatmap", out)


def _figure(plot: Plot) -> tuple[Any, list[tuple[Any, list[Line]]]]:
    """A figure and its axes, one a panel, with the lines that belong there."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtra("report", "matplotlib") from None
    # text stays text, and the same numbers give the same bytes
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "coderm", "pdf.fonttype": 42})
    names = list(dict.fromkeys(line.panel for line in plot.lines))
    figure = Figure(figsize=(6.2 * len(names), 4), layout="constrained")
    figure.suptitle(plot.title, fontsize=11)
    panels = []
    for k, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), k + 1)
        axes.set_title(name, fontsize=9)
        axes.set_xlabel(plot.x_label)
        axes.set_ylabel(plot.y_label)
        axes.grid(alpha=0.25)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        panels.append((axes, [line for line in plot.lines if line.panel == name]))
    return figure, panels


def _save(figure: Any, name: str, out: Path) -> list[Path]:
    paths = [out / f"{name}.{kind}" for kind in FORMATS]
    for path in paths:
        undated = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}[path.suffix[1:]]
        figure.savefig(path, dpi=200, metadata=undated)
    return paths


def _cycle(count: int) -> list[str]:
    return [COLOURS[k % len(COLOURS)] for k in range(count)]


def _ticks(values: Sequence[int]) -> list[int]:
    """The values themselves where they are few, else round numbers between their ends."""
    if len(set(values)) <= 8:
        return sorted(set(values))
    low, high = min(values), max(values)
    return sorted({low, high, *(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500)
                                if low < step < high and high / step > 1.3)})
