"""`coderm extract`: raw model replies become candidate solutions and unit tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from coderm.cli.app import app
from coderm.records import Protocol


@app.command()
def extract(
    run: Annotated[Path, typer.Argument(help="A run directory with solution_replies.jsonl, unit_test_replies.jsonl "
                                             "or both.")],
    protocol: Annotated[Protocol | None, typer.Option(
        show_default="the run's own", help="`default`: whatever an honest reply offers, however it is wrapped. "
                                           "`paper`: exactly one fence, exactly one class, equal tests once.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Take the code out of raw model replies; nothing is executed.

    Writes solutions.jsonl and unit_tests.jsonl in the run. Replies without usable code are left out and counted by
    the reason. Reward matrices and labels that no longer fit what was extracted are removed: execute again.
    """
    import json

    from coderm.generate.extract.run import extract_run
    from coderm.runs import load

    report = extract_run(load(run), protocol)
    if as_json:
        print(json.dumps(report))
        return
    for kind in ("solutions", "unit_tests"):
        if kind in report:
            counts = report[kind]
            print(f"{kind.replace('_', ' ')}: {counts['usable']} of {counts['replies']} replies usable"
                  + "".join(f", {n} {reason}" for reason, n in counts["reasons"].items())
                  + (f"; {counts['duplicates']} equal to another one" if counts.get("duplicates") else "")
                  + (f"; {counts['problems_with_none']} problems with none" if counts["problems_with_none"] else ""))
    if report["stale"]:
        print(f"removed the reward matrices and labels of {report['stale']} problems: their texts changed")
