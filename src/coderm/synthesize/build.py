"""The whole pipeline on one run directory: read, run the stages, export, count."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from coderm.errors import InputError
from coderm.execute import Engine
from coderm.generate.models import check_spec
from coderm.records import Problem
from coderm.runs import Run
from coderm.synthesize import export, funnel, prompts, sources
from coderm.synthesize.asking import OnDemand
from coderm.synthesize.decontaminate import Decontaminate
from coderm.synthesize.label import Label
from coderm.synthesize.pipeline import Item, Stage, Tally, run_stages
from coderm.synthesize.quality import Quality
from coderm.synthesize.reformat import Reformat
from coderm.synthesize.repair import Repair
from coderm.synthesize.sample import SampleTests
from coderm.synthesize.selection import Select
from coderm.synthesize.sources import Source
from coderm.synthesize.testable import Testable
from coderm.synthesize.weak import WeakSolutions


@dataclass(frozen=True, slots=True)
class Recipe:
    """How training data is made. Ma et al. 2025 state the weak model's ten solutions; the other numbers are ours."""

    teacher: str
    """Model spec of the teacher."""
    weak: str
    """Model spec of the weaker model, whose solutions measure the tests."""
    tests: int = 16
    """Unit tests sampled a problem."""
    solutions: int = 10
    """Weak solutions sampled a problem."""
    repair_rounds: int = 2
    keep: int = 4
    """Unit tests a problem that become rows; the released data (60k rows from 17.6k problems) averages 3.4."""
    quality_control: bool = True
    max_false_acceptance: float = 0.5
    max_false_rejection: float = 0.0


def synthesize(source: str, out: str | Path, recipe: Recipe, *, columns: dict[str, str] | None = None,
               limit: int | None = None, against: list[str] | None = None, only: str | None = None,
               redo: bool = False) -> list[Tally]:
    """Make training data from a source; returns the funnel. Goes on where an earlier call was stopped.

    `against`: data sets (as `coderm.problems.load` names them) whose problems must not be trained on; None is
    HumanEval. `only` runs one stage, `redo` works on all of it again. Writes into `out`, besides the stages' files:
    sft.jsonl, dataset.jsonl, funnel.json, funnel.md and funnel.svg (the last needs matplotlib). Raises InputError for a
    source that holds no problems.
    """
    from coderm import problems

    recipe = replace(recipe, teacher=check_spec(recipe.teacher), weak=check_spec(recipe.weak))
    raw = list(sources.read(source, columns, limit))
    if not any(isinstance(row["found"], dict) for row in raw):
        why = ", ".join(f"{n} {reason}" for reason, n in Counter(row["found"] for row in raw).items())
        hint = "" if ":" in source else "; name its columns with --column"  # only a plain file has columns of its own
        raise InputError(f"{source}: holds no problems" + (f" ({why}){hint}" if why else ""))
    benchmarks = [problem for name in (["humaneval"] if against is None else against)
                  for problem in problems.load(name)]
    run = Run.create(out, kind="synthesis")
    with (run, OnDemand(recipe.teacher, "unit_test") as teacher, OnDemand(recipe.weak, "solution") as other,
          Engine() as engine):
        weak = teacher if recipe.weak == recipe.teacher else other
        stages = _stages(recipe, teacher, weak, engine, benchmarks)
        run.update_config(source=source, columns=columns, limit=limit, against=against,
                          recipe={name: getattr(recipe, name) for name in recipe.__slots__},
                          prompts={p.name: {"version": p.version, "text": p.text} for p in prompts.ALL})
        items, tallies = run_stages(run, raw, stages, only, redo)
        if len(tallies) == len(stages):
            _export(run.path, items, tallies)
    return tallies


def _stages(recipe: Recipe, teacher: OnDemand, weak: OnDemand, engine: Engine,
            benchmarks: list[Problem]) -> list[Stage]:
    return [
        Source(),
        Testable(teacher),
        Reformat(teacher, engine),
        Decontaminate(benchmarks),
        SampleTests(teacher, recipe.tests),
        Label(engine),
        Repair(teacher, engine, recipe.repair_rounds),
        WeakSolutions(weak, recipe.solutions),
        Quality(engine),
        Select(recipe.keep, recipe.quality_control, recipe.max_false_acceptance, recipe.max_false_rejection),
    ]


def _export(folder: Path, items: list[Item], tallies: list[Tally]) -> None:
    rows = export.write_jsonl(folder / "sft.jsonl", export.sft_rows(items))
    export.write_jsonl(folder / "dataset.jsonl", export.dataset_rows(items))
    written = funnel.save(folder, tallies)
    print(f"{rows} training rows in {folder / 'sft.jsonl'}; {', '.join(path.name for path in written)} beside it",
          file=sys.stderr)
