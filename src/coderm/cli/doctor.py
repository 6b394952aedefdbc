"""`coderm doctor`: what this machine offers to run untrusted code, and whether it holds."""

from __future__ import annotations

from typing import Annotated

import typer

from coderm.cli.app import app


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False) -> None:
    """Show Python, cores, memory and each layer of isolation, then try to escape from the jail.

    Exits with 1 where untrusted code cannot be run safely, and says what to install.
    """
    import json
    from dataclasses import asdict

    from coderm.doctor import examine, machine, self_test
    from coderm.errors import EngineError

    about, layers = machine(), examine()
    trouble = ""
    try:
        tried = self_test()
    except EngineError as error:
        tried, trouble = [], str(error)
    healthy = bool(tried) and all(check.good for check in tried)
    if as_json:
        print(json.dumps({"healthy": healthy, "machine": about, "layers": [asdict(c) for c in layers],
                          "self_test": [asdict(c) for c in tried], "trouble": trouble}))
    else:
        from rich.console import Console
        from rich.markup import escape

        console = Console(highlight=False)
        for name, value in about.items():
            console.print(f"[dim]{name:<28}[/dim] {escape(str(value))}", soft_wrap=True)
        for title, checks in (("isolation", layers), ("self-test", tried)):
            console.print(f"\n[bold]{title}[/bold]")
            for check in checks:
                colour = {"on": "green", "off": "yellow"}.get(check.state, "red")
                state = check.state if title == "isolation" else "held" if check.good else "NOT HELD"
                shown = f"[{colour}]{state:<12}[/{colour}] {escape(check.detail)}"
                console.print(f"  {check.name:<30} {shown}", soft_wrap=True)
                if not check.good and check.remedy:
                    console.print(f"  {'':<30} [dim]{escape(check.remedy)}[/dim]", soft_wrap=True)
        if trouble:
            console.print(f"\n[red]{escape(trouble)}[/red]")
        elif healthy:
            console.print("\nUntrusted code can be run here.")
    if not healthy:
        raise typer.Exit(1)
