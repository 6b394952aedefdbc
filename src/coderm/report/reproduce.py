"""`coderm reproduce`: a table or figure of Ma et al. 2025 over one's own runs, as files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from coderm.errors import InputError
from coderm.report import draw, tables
from coderm.report.about import abouts, protocol_of
from coderm.report.budgets import fig6
from coderm.report.parts import plural
from coderm.report.series import FIGURES, Runs, Settings
from coderm.reward import Task, read_scores, resolve, tasks_of
from coderm.reward.curves import Method
from coderm.runs import Run
from coderm.scale.files import read_pass_rates
from coderm.scale.from_run import recorded_problems

What = Literal["table1", "table2", "fig1", "fig3", "fig5", "fig6"]
EVERYTHING: tuple[What, ...] = get_args(What)


def reproduce(what: What, runs: Sequence[Run], out: Path, *, rule: str = "majority", method: Method = "paper",
              resamples: int = 100, pass_rates: Path | None = None, scores: Sequence[Path] = ()) -> list[Path]:
    """Write the table (Markdown, CSV) or figure (PDF, SVG, PNG, CSV) into `out`; returns the files.

    `rule`, `method` and `resamples` are for figures: what is curved and how it is resampled. `pass_rates` is a file
    of predicted pass rates for figure 6; `scores` are files of outside scores, one a run (see `read_scores`). Raises
    InputError for a run that is not labelled, MissingExtra for a figure without matplotlib.
    """
    if scores and len(scores) != len(runs):
        raise InputError(f"--scores is given {len(scores)} times for {plural(len(runs), 'run')}; give it once for each")
    if what == "fig6":
        replayed = list(zip(abouts(runs), map(recorded_problems, runs), strict=True))
        budgets = fig6(replayed, rule, read_pass_rates(pass_rates) if pass_rates else None)
        out.mkdir(parents=True, exist_ok=True)
        return [*draw.draw_lines(budgets, out), draw.write_csv(budgets, out)]
    files: Sequence[Path | None] = scores or [None] * len(runs)
    labelled: Runs = list(zip(abouts(runs), map(_labelled, runs, files), strict=True))
    out.mkdir(parents=True, exist_ok=True)
    if what in ("table1", "table2"):
        table = tables.table1(labelled) if what == "table1" else tables.table2(labelled)
        text, data = out / f"{what}.md", out / f"{what}.csv"
        text.write_text(table.markdown(), encoding="utf-8")
        with data.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, table.records[0].keys())
            writer.writeheader()
            writer.writerows(table.records)
        return [text, data]
    plot = FIGURES[what](labelled, Settings(resolve(rule), rule, method, resamples))
    drawn = draw.draw_groups(plot, out) if what == "fig5" else draw.draw_lines(plot, out)
    if what == "fig3":
        drawn += draw.draw_heat(plot, out)
    return [*drawn, draw.write_csv(plot, out)]


def _labelled(run: Run, scores: Path | None) -> list[Task]:
    outside = read_scores(scores) if scores else None
    tasks = [task for task in tasks_of(run, protocol=protocol_of(run), scores=outside)
             if task.context.labels is not None]
    if not tasks:
        raise InputError(f"{run.path}: no labels; run `{run.command('label')}` first")
    return tasks
