"""The funnel: how many problems and tests entered each stage, how many left it, and what became of the others."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from coderm.runs import write_json
from coderm.synthesize.pipeline import Tally


def table(tallies: list[Tally]) -> str:
    """A Markdown table; in every line entered = left + the dropped."""
    lines = ["| stage | counts | in | out | dropped, and why |", "|---|---|---:|---:|---|"]
    for tally in tallies:
        reasons = ", ".join(f"{reason} {count}" for reason, count in tally.dropped.items())
        lines.append(f"| {tally.stage} | {tally.unit}s | {tally.entered} | {tally.left} | {reasons} |")
    return "\n".join(lines) + "\n"


def save(folder: Path, tallies: list[Tally]) -> list[Path]:
    """Write funnel.json, funnel.md and, where matplotlib is installed, funnel.svg; returns what was written."""
    write_json(folder / "funnel.json", [dataclasses.asdict(tally) for tally in tallies])
    (folder / "funnel.md").write_text(table(tallies))
    written = [folder / "funnel.json", folder / "funnel.md"]
    try:
        picture(tallies, folder / "funnel.svg")
    except ModuleNotFoundError:
        return written
    return [*written, folder / "funnel.svg"]


def picture(tallies: list[Tally], path: Path) -> None:
    """One panel for problems, one for unit tests: a bar a stage, what left it in full colour, what it dropped pale."""
    from matplotlib.figure import Figure

    panels = [(unit, [t for t in tallies if t.unit == unit]) for unit in ("problem", "test")]
    heights = [max(1, len(lines)) for _, lines in panels]
    figure = Figure(figsize=(9, 1.2 + 0.5 * sum(heights)), layout="constrained")
    axes = figure.subplots(2, 1, height_ratios=heights)
    for axis, (unit, lines) in zip(axes, panels, strict=True):
        rows = range(len(lines))
        most = max([tally.entered for tally in lines], default=1) or 1
        axis.barh(rows, [tally.left for tally in lines], color="#2a6f97")
        axis.barh(rows, [tally.entered - tally.left for tally in lines], left=[t.left for t in lines], color="#d8e2e9")
        for row, tally in zip(rows, lines, strict=True):
            reasons = ", ".join(f"{reason} {count}" for reason, count in list(tally.dropped.items())[:3])
            more = ", ..." if len(tally.dropped) > 3 else ""
            axis.text(tally.entered + most / 100, row, f"{tally.left} of {tally.entered}   {reasons}{more}",
                      va="center", fontsize=7)
        axis.set_yticks(rows, [tally.stage for tally in lines])
        axis.set_xticks([tick for tick in axis.get_xticks() if 0 <= tick <= most])
        axis.set_xlim(0, 1.9 * most)
        axis.invert_yaxis()
        axis.set_title(f"{unit}s", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
