"""`coderm report` and `coderm reproduce`: a run as a page to look at, and as the tables and figures of the paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from coderm.cli.app import app, writable


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The run directory.")],
    out: Annotated[Path | None, typer.Option(help="Where to write it; RUN/report.html if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the path as a JSON object.")] = False,
) -> None:
    """Write one self-contained HTML page about a run: who wins, why votes go wrong, every reward matrix.

    The page needs no network and runs nothing but its own script. Prints the path that it wrote.
    """
    import json

    from coderm.report.page import write_report
    from coderm.runs import load

    path = str(write_report(load(run), writable(out or run / "report.html")))
    print(json.dumps({"file": path}) if as_json else path)


@app.command()
def reproduce(
    what: Annotated[Literal["table1", "table2", "fig1", "fig3", "fig5", "fig6", "all"],
                    typer.Argument(help="table1: best-of-N by method. table2: quality of the tests. fig1: accuracy "
                                        "against tests and candidates (several runs: figure 2). fig3: gain by "
                                        "difficulty, with figure 8's heat map. fig5: by generator. fig6: budgets. "
                                        "all: each of them.")],
    runs: Annotated[list[Path], typer.Argument(help="Run directories, executed and labelled.")],
    out: Annotated[Path, typer.Option(help="Folder for the files.")] = Path("reproduced"),
    select: Annotated[str, typer.Option(help="Figures: the rule that chooses (fig6: majority or codet).")] = "majority",
    resampling: Annotated[Literal["paper", "bootstrap"], typer.Option(
        help="Figures 1, 3 and 5. `paper`: tests drawn without replacement, the first n candidates. `bootstrap`: "
             "tests, candidates and problems drawn with replacement.")] = "paper",
    pass_rates: Annotated[Path | None, typer.Option(
        help='Figure 6: predicted pass rates, {"task_id", "pass_rate"} a line; adds the ways that need them.')] = None,
    scores: Annotated[list[Path] | None, typer.Option(
        help='Scores from outside for the rule `grading`, as for `coderm rank`: given once for each run, in their '
             'order.')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as one JSON object.")] = False,
) -> None:
    """Make a table or figure of Ma et al. 2025 (arXiv 2501.01054) from one's own runs.

    Tables come as Markdown and CSV, with the paper's own figures beside them, marked `as printed`, where model and
    benchmark match. Figures come as PDF, SVG and PNG, with a CSV of what was plotted. Prints the files it wrote;
    what the runs do not suffice for is left out of `all` and told.
    """
    import json

    from coderm.errors import InputError, MissingExtra
    from coderm.report.reproduce import EVERYTHING
    from coderm.report.reproduce import reproduce as make
    from coderm.runs import load

    opened = [load(run) for run in runs]
    writable(out / f"{what}.csv")
    paths: list[str] = []
    failed: dict[str, list[str]] = {}
    for one in EVERYTHING if what == "all" else (what,):
        try:
            paths += map(str, make(one, opened, out, rule=select, method=resampling, pass_rates=pass_rates,
                                   scores=scores or ()))
        except (InputError, MissingExtra) as error:  # what these runs do not suffice for keeps nobody from the rest
            failed.setdefault(str(error), []).append(one)
    told = [f"{', '.join(names)}: {why}" for why, names in failed.items()]
    if not paths:
        raise InputError("; ".join(told))
    print(json.dumps({"files": paths}) if as_json else "\n".join(paths))
    for line in told:
        print(f"left out {line}", file=sys.stderr)
