"""`coderm allocate`, `coderm probe fit`, `coderm probe predict`: which problems get more unit tests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from coderm.cli.app import app, writable

probe = typer.Typer(no_args_is_help=True, help="Predict how hard a problem is from what a language model makes of it.")
app.add_typer(probe, name="probe")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
STATES = ("local:FILE.gguf (llama.cpp, last layer), hf:DIR or hf:DIR#LAYER (transformers, any layer), "
          "openai:MODEL[@URL] (an embeddings endpoint's vectors) or text (no model)")


@app.command()
def allocate(
    rates: Annotated[Path, typer.Argument(metavar="RATES", help='A file of pass rates, {"task_id", "pass_rate"} a '
                                                                "line, or a labelled run, whose actual rates count.")],
    total: Annotated[int, typer.Option(min=0, help="Units to hand out over all problems, each one unit test.")],
    minimum: Annotated[int, typer.Option(min=0, help="Units that every problem gets.")] = 0,
    maximum: Annotated[int | None, typer.Option(min=0, show_default="no limit",
                                                help="The most units for one problem.")] = None,
    out: Annotated[Path | None, typer.Option(help='Also write {"task_id", "pass_rate", "units"} lines here.')] = None,
    as_json: Json = False,
) -> None:
    """Share a budget of unit tests out by difficulty: each next one goes where it helps most.

    The help of b units on a problem with pass rate p is 1 - (1 - p)^b: a certain problem needs one unit, a hopeless
    one none, a hard one many. The allocation is exact.
    """
    import json

    from coderm.runs import Run
    from coderm.scale.allocate import allocate as share_out
    from coderm.scale.files import gold_pass_rates, read_pass_rates

    found = gold_pass_rates(Run(rates)) if rates.is_dir() else read_pass_rates(rates)
    units = share_out(list(found.values()), total, minimum, maximum).tolist()
    rows = [{"task_id": task, "pass_rate": rate, "units": n}
            for (task, rate), n in zip(found.items(), units, strict=True)]
    if out is not None:
        writable(out).write_text("".join(json.dumps(row) + "\n" for row in rows))
    if as_json:
        print(json.dumps({"total": sum(units), "problems": len(rows),
                          "units": dict(zip(found, units, strict=True))}))
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("problem", "pass rate", "units", title=f"{sum(units):,} units over {len(rows):,} problems")
    for row in rows[:40]:
        table.add_row(escape(str(row["task_id"])), f"{row['pass_rate']:.3f}", f"{row['units']:,}")
    Console().print(table)
    if len(rows) > 40:
        print(f"and {len(rows) - 40:,} more; --json or --out has all", file=sys.stderr)


@probe.command()
def fit(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Labelled runs of one policy model.")],
    states: Annotated[str, typer.Option(help=f"Where a problem's vector comes from: {STATES}.")],
    out: Annotated[Path, typer.Option(help="The file to write: arrays and a header, nothing that could run.")],
    plot: Annotated[Path | None, typer.Option(help="Draw the calibration plot to this .png, .svg or .pdf.")] = None,
    held_out: Annotated[Path | None, typer.Option(
        help="Also write each problem's held-out prediction: pass rates that `coderm reproduce fig6` may use on the "
             "same runs.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the folds and the first weights.")] = 0,
    as_json: Json = False,
) -> None:
    """Fit a difficulty probe to the pass rates of labelled runs, and say what it is worth on problems it did not see.

    Every figure is held out: each problem is predicted by a probe that was fitted without it. The constant predictor
    (the mean pass rate) and a probe of the text alone stand beside it; a probe that beats neither is no use.
    """
    import json

    from coderm.scale import probe as probes
    from coderm.scale import probe_report
    from coderm.scale.files import write_pass_rates
    from coderm.scale.probe_files import training_set
    from coderm.scale.states import read_states

    tasks, prompts, rates = training_set(runs)
    for path in filter(None, (out, plot, held_out)):
        writable(path)
    vectors = read_states(states, prompts, quiet=False)
    fitted = probes.fit(states, vectors, rates, seed=seed)
    predictions = {"constant": probe_report.leave_out_mean(rates),
                   "text": probes.held_out("text", read_states("text", prompts), rates, seed=seed)}
    if states != "text":
        predictions["probe"] = probes.held_out(states, vectors, rates, seed=seed)
    told = probe_report.measure(rates, predictions)
    fitted.save(out)
    if plot is not None:
        probe_report.draw_calibration(told, plot)
    if held_out is not None:
        write_pass_rates(held_out, dict(zip(tasks, predictions["text" if states == "text" else "probe"], strict=True)))
    if as_json:
        print(json.dumps({"problems": len(rates), "model": vectors.model, "layer": vectors.layer,
                          "width": vectors.values.shape[1], "penalty": fitted.about.penalty,
                          "held_out": probe_report.as_json(told)}))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("predictor", "cross-entropy", "better than constant by", "better than text by", "Brier", "Spearman",
                  title=f"held out, {len(rates)} problems; {vectors.model}, layer {vectors.layer}")
    for name, worth in told.items():
        gain = f"{worth.gain:+.4f} [{worth.gain_low:+.4f}, {worth.gain_high:+.4f}]"
        more = "{:+.4f} [{:+.4f}, {:+.4f}]".format(*worth.over_text) if worth.over_text else ""
        constant = name == "constant"
        table.add_row(name, f"{worth.cross_entropy:.4f}", "" if constant else gain, more, f"{worth.brier:.4f}",
                      "" if constant else f"{worth.spearman:.3f}")
    Console().print(table)
    if told["probe" if states != "text" else "text"].gain_low <= 0:
        print("no better than the constant predictor beyond doubt: allocate by votes (sequential) instead",
              file=sys.stderr)


@probe.command()
def predict(
    fitted: Annotated[Path, typer.Argument(metavar="PROBE", help="A file that `coderm probe fit` wrote.")],
    problems: Annotated[str, typer.Argument(help="A run directory, or a data set as `coderm run` takes it.")],
    out: Annotated[Path | None, typer.Option(show_default="standard output",
                                             help='File for {"task_id", "pass_rate"} lines.')] = None,
    states: Annotated[str | None, typer.Option(show_default="what the probe was fitted with",
                                               help="The model's place, where it has moved.")] = None,
    as_json: Json = False,
) -> None:
    """Predict pass rates of problems, for `coderm allocate` and `coderm run --allocate difficulty`.

    With --json standard output is one object that holds the rates too; a file is written only with --out.
    """
    import json

    from coderm.scale.files import write_pass_rates
    from coderm.scale.probe import load_probe
    from coderm.scale.probe_files import problems_of
    from coderm.scale.states import read_states

    trained = load_probe(fitted)
    asked = problems_of(problems)
    if out is not None or not as_json:
        out = writable(out or Path("/dev/stdout"))
    vectors = read_states(states or trained.about.source, [p.prompt for p in asked], quiet=False)
    rates = dict(zip((problem.task_id for problem in asked), trained.predict(vectors).tolist(), strict=True))
    if out is not None:
        write_pass_rates(out, rates)
    if as_json:
        print(json.dumps({"problems": len(rates), "model": vectors.model, "layer": vectors.layer, "pass_rates": rates}))
