"""`coderm demo`: the main job on embedded data, shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from coderm.cli.app import app
from coderm.cli.execute import Unsafe

if TYPE_CHECKING:
    from coderm.demo import Choice, Demo


@app.command()
def demo(
    out: Annotated[Path | None, typer.Option(help="Keep the run in this folder, for `coderm rank`, `report` and the "
                                                  "like; by default it is thrown away.")] = None,
    unsafe: Unsafe = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Best-of-N by unit-test voting on real data, in under a minute, without a model or a network.

    A small language model once answered 31 HumanEval problems: 16 solutions and 16 unit tests each. Their code is
    extracted, every solution runs against every test, and the votes choose. HumanEval's own tests, which the vote
    never sees, tell how often it is right.
    """
    import json
    import tempfile
    from shlex import quote

    from coderm.demo import demo as run_demo

    with tempfile.TemporaryDirectory(prefix="coderm-demo-") as scratch:
        outcome = run_demo(out or Path(scratch) / "run", unsafe=unsafe)
    if as_json:
        print(json.dumps(outcome.as_json()))
        return
    _show_ranking(outcome)
    _show_choice(outcome.closely)
    if out is not None:
        where = quote(str(out))
        print(f"The run is in {where}: try `coderm rank {where}` for every rule, or `coderm report {where}`.")


def _show_ranking(outcome: Demo) -> None:
    from rich.console import Console
    from rich.table import Table

    ranking, console = outcome.ranking, Console(highlight=False)
    random, oracle, majority = (ranking.estimate(name) for name in ("random", "oracle", "majority"))
    gain = ranking.gain("majority", "random")
    solutions, tests = outcome.extracted["solutions"], outcome.extracted["unit_tests"]
    console.print(f"{outcome.about['model']} on {ranking.problems} HumanEval problems: {solutions['usable']} of "
                  f"{solutions['replies']} solutions and {tests['usable']} of {tests['replies']} unit tests usable")
    table = Table("best of N by unit-test voting", "correct", "95 % interval")
    table.add_row("one random sample", f"{random.value:.1f} %", f"{random.low:.1f} to {random.high:.1f}")
    table.add_row("at least one correct (the most a vote can reach)", f"{oracle.value:.1f} %",
                  f"{oracle.low:.1f} to {oracle.high:.1f}")
    table.add_row("[bold]majority vote[/bold]", f"[bold]{majority.value:.1f} %[/bold]",
                  f"{majority.low:.1f} to {majority.high:.1f}")
    table.add_row("gain over one random sample", f"{100 * gain.difference:+.1f}",
                  f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}")
    console.print(table)
    if outcome.wrong:
        console.print(f"A right solution was there and the vote missed it: {', '.join(outcome.wrong)}")


def _show_choice(choice: Choice) -> None:
    from rich.console import Console
    from rich.syntax import Syntax

    console = Console(highlight=False)
    voters = len(choice.passed) + len(choice.failed)
    console.print(f"\n[bold]{choice.task_id}[/bold], where voting gains most: {sum(choice.correct)} right "
                  f"among {len(choice.correct)} solutions. The votes of its {voters} unit tests:")
    for index, (count, correct) in enumerate(zip(choice.votes, choice.correct, strict=True)):
        mark = "[green]right[/green]" if correct else "[red]wrong[/red]"
        chosen = " [bold]<- chosen[/bold]" if index == choice.chosen else ""
        console.print(f"  solution {index:2d}  {'█' * count:<{max(choice.votes)}} {count:2d}  {mark}{chosen}")
    console.print(f"\nSolution {choice.chosen}" + (f", the first of {choice.tied} tied" if choice.tied > 1 else "")
                  + f". It passes unit tests {_listed(choice.passed)} and fails {_listed(choice.failed)}.")
    console.print(Syntax(_printable(choice.code), "python", background_color="default"))
    console.print("HumanEval's own tests say: "
                  + ("[green]right[/green]" if choice.correct[choice.chosen] else "[red]wrong[/red]"))


def _listed(indices: list[int]) -> str:
    return ", ".join(map(str, indices)) or "none"


def _printable(code: str) -> str:
    """Model output without control characters: they would reach the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in code)
