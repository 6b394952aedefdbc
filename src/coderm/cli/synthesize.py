"""`coderm synthesize` makes training data for a unit test generator, `coderm train` trains one on it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from coderm.cli.app import app


@app.command()
def synthesize(
    source: Annotated[str, typer.Argument(
        help="Questions with reference solutions: exercises (a few of our own, shipped), codefeedback:FILE.jsonl, "
             "taco:FILE.jsonl, mbpp+:FILE and what else `coderm run` reads, or any FILE.jsonl.")],
    teacher: Annotated[str, typer.Option(
        help="Model that judges, rewrites and writes the tests, e.g. openai:MODEL, local:FILE.gguf; "
             "fake is a scripted one for a first look.")],
    weak: Annotated[str, typer.Option(
        help="Weaker model whose solutions measure the tests; same form.")],
    out: Annotated[Path, typer.Option(help="Run directory; an earlier run in it goes on where it was stopped.")],
    column: Annotated[list[str] | None, typer.Option(
        help="For a FILE.jsonl: which of its columns is which, e.g. question=prompt (repeat for solution, id, "
             "entry_point, ground_truth, examples).")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read only the first so many problems.")] = None,
    against: Annotated[list[str] | None, typer.Option(
        help="Benchmark to keep apart from (repeat for several), e.g. mbpp+:FILE. Default: humaneval.")] = None,
    tests: Annotated[int, typer.Option("-m", "--tests", min=1, help="Unit tests to sample a problem.")] = 16,
    solutions: Annotated[int, typer.Option(
        "-n", "--solutions", min=1, help="Solutions of the weaker model to sample a problem.")] = 10,
    repair_rounds: Annotated[int, typer.Option(min=0, help="How often a failing test goes back to the teacher.")] = 2,
    keep: Annotated[int, typer.Option(min=1, help="Unit tests a problem that become training rows, at most.")] = 4,
    quality_control: Annotated[bool, typer.Option(
        help="Drop tests that accept wrong solutions or reject right ones.")] = True,
    stage: Annotated[str | None, typer.Option(help="Run this stage alone; those above it must be complete.")] = None,
    redo: Annotated[bool, typer.Option(help="Do all of the chosen stages again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the funnel as JSON.")] = False,
) -> None:
    """Make training data for a unit test generator: filter, rewrite, sample, label, repair, measure, select.

    Writes OUT/sft.jsonl (rows for `coderm train`), OUT/dataset.jsonl (the released data set's columns) and the
    funnel: how many problems and tests each step dropped, and why. Bad replies are dropped and counted, never fatal.
    """
    from coderm.errors import InputError
    from coderm.synthesize import funnel
    from coderm.synthesize.build import Recipe
    from coderm.synthesize.build import synthesize as build

    columns = dict(part.split("=", 1) for part in column or [] if "=" in part)
    if len(columns) < len(column or []):
        raise InputError("--column takes OURS=THEIRS, e.g. --column question=prompt")
    recipe = Recipe(teacher=teacher, weak=weak, tests=tests, solutions=solutions, repair_rounds=repair_rounds,
                    keep=keep, quality_control=quality_control)
    tallies = build(source, out, recipe, columns=columns or None, limit=limit, against=against, only=stage, redo=redo)
    if as_json:
        print(json.dumps([dataclasses.asdict(tally) for tally in tallies]))
    else:
        print(funnel.table(tallies), end="")


@app.command()
def train(
    data: Annotated[Path, typer.Argument(help="A run of `coderm synthesize`, or its sft.jsonl.")],
    base: Annotated[str, typer.Option(
        help="Model to start from: a folder, a FILE.gguf, a name on the Hugging Face hub, or tiny (a random toy that "
             "shows the path).")],
    out: Annotated[Path, typer.Option(help="Folder of the trained model; the same command goes on after a kill.")],
    lora: Annotated[bool, typer.Option("--lora/--full", help="Train LoRA adapters and merge them, or all weights.")
                    ] = True,
    epochs: Annotated[float, typer.Option(min=0, help="Passes over the rows.")] = 3.0,
    learning_rate: Annotated[float | None, typer.Option(help="Default: 2e-4 with LoRA, 1e-5 without.")] = None,
    batch: Annotated[int, typer.Option(min=1, help="Rows a step.")] = 16,
    at_once: Annotated[int, typer.Option(min=1, help="Rows in memory at once; divides --batch.")] = 1,
    max_length: Annotated[int, typer.Option(min=16, help="Tokens of a row; longer rows are left out.")] = 4096,
    packing: Annotated[bool, typer.Option(help="Several rows a sequence; needs flash attention.")] = False,
    save_every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints.")] = 100,
    seed: Annotated[int, typer.Option(help="Seed of data order and weights.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the training report as JSON.")] = False,
) -> None:
    """Fine-tune a language model to write unit tests (needs the extra train).

    The folder holds safetensors, tokenizer and a model card; use it as `--tester hf:OUT`.
    """
    from coderm.train.sft import Settings
    from coderm.train.sft import train as fit

    report = fit(data, out, Settings(base=base, lora=lora, epochs=epochs, learning_rate=learning_rate, batch=batch,
                                     at_once=at_once, max_length=max_length, packing=packing, save_every=save_every,
                                     seed=seed))
    if as_json:
        print(json.dumps(report))
    else:
        first, last = report["log"][0], report["log"][-1]
        print(f"{report['steps']} steps on {report['rows_trained']} rows, loss {first['loss']:.3f} to "
              f"{last['loss']:.3f}; the model is in {out}, its card in {out / 'README.md'}")
