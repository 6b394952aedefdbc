"""`coderm rank`: how well each rule chooses."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from coderm.cli.app import app
from coderm.records import Protocol


@app.command()
def rank(
    run: Annotated[Path, typer.Argument(help="A run directory, executed and labelled.")],
    select: Annotated[list[str], typer.Option(help="A rule's name, `all`, or module:function for a rule of your own "
                                                   "(called with the reward matrix and a context, returns scores); "
                                                   "may be given again.")] = ["all"],  # noqa: B006
    protocol: Annotated[Protocol | None, typer.Option(help="By default the run's own. `default`: ties averaged, "
                                               "empty and broken tests do not vote. "
                                               "`paper`: all tests vote, the same text once, ties go to the largest "
                                               "group that passes the same tests.")] = None,
    scores: Annotated[Path | None, typer.Option(help='Scores from outside for the rule `grading`: one line '
                                                     'with task_id and scores, a number a solution.')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
) -> None:
    """Best-of-N accuracy of the rules that choose a solution by its unit tests.

    For every problem each rule chooses among the candidate solutions; where several tie, the accuracy is the
    average over them. `random` is one sample, `oracle` is a problem with at least one correct solution. Intervals
    are 95 % bootstrap intervals over problems.
    """
    import json

    from coderm.report.parts import plural
    from coderm.reward.ranking import rank as rank_rules
    from coderm.reward.tasks import read_scores, tasks_of
    from coderm.runs import load

    opened = load(run)
    protocol = protocol or opened.config.get("protocol", "default")
    tasks = tasks_of(opened, protocol=protocol, scores=read_scores(scores) if scores else None)
    ranking = rank_rules(tasks, select, str(run))
    asked = opened.solutions().keys()
    total = len(asked | {problem.task_id for problem in opened.problems()})
    left_out = {"without solutions yet": total - len(asked), "not executed yet": len(asked) - len(tasks),
                "without labels": len(tasks) - ranking.problems}
    if ranking.problems < total:
        print(f"ranked {ranking.problems} of {plural(total, 'problem')}: "
              + ", ".join(f"{count} {why}" for why, count in left_out.items() if count), file=sys.stderr)
    if as_json:
        print(json.dumps(ranking.as_json() | {"protocol": protocol}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("rule", "accuracy %", "95 % interval", "over random",
                  title=f"best-of-N: {plural(ranking.problems, 'problem')}, "
                        f"{plural(ranking.solutions, 'solution')}, {plural(ranking.unit_tests, 'unit test')}, "
                        f"protocol {protocol}{', executed WITHOUT the jail' if ranking.unsafe else ''}")
    for name in sorted(ranking.accuracies, key=lambda name: ranking.estimate(name).value):
        value, low, high = ranking.estimate(name)
        gain = f"{value - ranking.estimate('random').value:+.1f}" if "random" in ranking.accuracies else ""
        table.add_row(name, f"{value:.1f}", f"{low:.1f} to {high:.1f}", gain)
    Console().print(table)
    if (inputs := ranking.separation) is not None:
        print(f"inputs: {inputs.separating:.0f} of {inputs.calls:.0f} calls a problem separate candidates, into "
              f"{inputs.behaviours:.0f} groups by what they return and {inputs.pass_vectors:.0f} by what they pass")
    for reason in dict.fromkeys(ranking.skipped.values()):
        names = ", ".join(name for name, why in ranking.skipped.items() if why == reason)
        print(f"left out {names}: {reason}", file=sys.stderr)
