"""`coderm report`: a run as one page to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coderm.cli.app import app


@app.command()
def report(
    run: Annotated[Path, typer.Argument(help="The run directory.")],
    out: Annotated[Path | None, typer.Option(help="Where to write it; RUN/report.html if not given.")] = None,
) -> None:
    """Write one self-contained HTML page about a run: who wins, why votes go wrong, every reward matrix.

    The page needs no network and runs nothing but its own script. Prints the path that it wrote.
    """
    from coderm.report.page import write_report
    from coderm.runs import load

    print(write_report(load(run), out or run / "report.html"))
