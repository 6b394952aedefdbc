"""`coderm execute`, `coderm explain`: run candidates against tests, and show what became of one pair."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from coderm.cli.app import app
from coderm.records import Isolation, Protocol

TimeLimit = Annotated[float, typer.Option("--time-limit", help="CPU seconds a pair may use.")]
IsolationOption = Annotated[Isolation, typer.Option(
    help="`shared`: candidate and test in one process, fast, for ranking. `split`: the candidate never sees the "
         "test, for rewards that a model is trained on.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Jails to run side by side; by default one a core.")]


def _warn_without_jail(unsafe: bool) -> bool:
    if unsafe:
        print("coderm: WITHOUT THE JAIL: what runs now can start processes as you, fill your disk, and read what "
              "`coderm doctor` says; only for code that you trust", file=sys.stderr)
    return unsafe


Unsafe = Annotated[bool, typer.Option("--unsafe", callback=_warn_without_jail,
                                      help="Run WITHOUT the jail, where none is to be had. For code that you trust.")]
Python = Annotated[str | None, typer.Option(help="The interpreter that candidates run under (for packages that they "
                                                 "may import); by default the one coderm runs under.")]


@app.command()
def execute(
    run: Annotated[Path, typer.Argument(help="A run directory with solutions and unit tests.")],
    isolation: IsolationOption = "shared",
    time_limit: TimeLimit = 1.0,
    memory_limit: Annotated[int, typer.Option(help="Memory a pair may use, in MiB.")] = 1024,
    workers: Workers = None,
    protocol: Annotated[Protocol | None, typer.Option(
        help="`paper` runs every test, empty ones too, under a wall-clock limit; by default the run's own.")] = None,
    behaviour: Annotated[bool, typer.Option(
        "--behaviour", help="Also record what the solutions' functions return, for rules that vote on it.")] = False,
    python: Python = None,
    unsafe: Unsafe = False,
    redo: Annotated[bool, typer.Option("--redo", help="Execute again what was executed before.")] = False,
    repeat: Annotated[int, typer.Option(min=0, help="Afterwards execute everything so many times more and report the "
                                                    "pairs whose verdict was not the same each time.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")] = False,
) -> None:
    """Run every candidate solution against every unit test of its problem.

    Fills the reward matrix of each problem; what is there already is left alone, so a run that was interrupted
    goes on where it stopped.
    """
    import json

    from coderm.errors import EngineError
    from coderm.execute import Engine
    from coderm.execute.stage import execute_run, flaky_pairs
    from coderm.report.parts import plural
    from coderm.runs import Run

    opened = Run(run)
    engine = Engine(isolation, time_limit, memory_limit * 1024 * 1024, workers, behaviour=behaviour, python=python,
                    protocol=protocol or opened.config.get("protocol", "default"), unsafe=unsafe)
    with opened, engine:
        done = execute_run(opened, engine, redo=redo)
        flaky = flaky_pairs(opened, engine, repeat)
    if as_json:
        told = done._asdict() | {"settings": engine.settings}
        print(json.dumps(told | {"flaky": [pair._asdict() for pair in flaky]} if repeat else told))
    else:
        print(f"executed {plural(done.problems, 'problem')} ({plural(done.pairs, 'pair')}) in {done.seconds:.1f} s; "
              f"{done.skipped} done before")
        if repeat:
            print(f"{plural(len(flaky), 'pair')} did not get the same verdict each time")
        for pair in flaky:
            print(f"  {pair.task_id} solution {pair.solution} unit test {pair.unit_test}: {', '.join(pair.verdicts)}")
    if done.not_run:
        raise EngineError(f"{done.not_run:,} pairs could not be run, each tried several times: they count in no rule; "
                          "the same command tries them again, `coderm doctor` says what may be wrong")


@app.command()
def explain(
    run: Annotated[Path, typer.Argument(help="A run directory with solutions and unit tests.")],
    task_id: Annotated[str, typer.Argument(help="The problem, e.g. HumanEval/0.")],
    solution: Annotated[int, typer.Argument(help="Index of the candidate solution, from 0.")],
    unit_test: Annotated[int, typer.Argument(help="Index of the unit test, from 0.")],
    isolation: Annotated[Isolation | None, typer.Option(help="Default: as the run was executed, else shared.")] = None,
    time_limit: Annotated[float | None, typer.Option(
        help="CPU seconds the pair may use. Default: as the run was executed, else 1.")] = None,
    unsafe: Unsafe = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run one pair and show what happened: the verdict and why, the assertion that failed, what was printed."""
    import json

    from coderm.execute import Engine
    from coderm.execute.stage import explain_pair
    from coderm.runs import Run

    opened = Run(run)
    given = {"isolation": isolation, "time_limit": time_limit}
    settings = opened.config.get("execute", {}) | {name: value for name, value in given.items() if value is not None}
    with Engine(**settings | {"unsafe": unsafe, "workers": 1}) as engine:
        told = explain_pair(opened, engine, task_id, solution, unit_test)
    if as_json:
        print(json.dumps(told))
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.print(f"[bold]{told['verdict']}[/bold]  {escape(task_id)}, solution {solution}, unit test {unit_test}")
    for name, value in told.items():
        if name != "verdict" and value not in ("", None):
            console.print(f"[dim]{name}:[/dim] {escape(str(value))}")
