"""Training rows from the replies of a run: labelling, quality control and selection on real output without a teacher.

    coderm generate solutions mbpp+:FILE --policy local:MODEL.gguf -n 3 --out RUN
    coderm generate tests --tester local:MODEL.gguf -m 8 --out RUN
    python benchmarks/generator_recorded.py RUN --out DIR
    coderm train DIR --base BASE --out MODEL

The run's solutions stand for the weak model's, its unit tests for the teacher's; its problems need a reference. What
the teacher's judgement and rewriting would do to them is left out, so a model too small for that will do: this walks
the path and is no training set to publish.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from coderm.execute import Engine
from coderm.generate.prompts import in_prose
from coderm.runs import Run
from coderm.synthesize import export, funnel
from coderm.synthesize.asking import OnDemand
from coderm.synthesize.label import Label
from coderm.synthesize.pipeline import Item, run_stages
from coderm.synthesize.quality import Quality
from coderm.synthesize.repair import Repair
from coderm.synthesize.selection import Select


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--problems", type=int, help="only the first so many")
    parser.add_argument("--keep", type=int, default=16)
    parser.add_argument("--no-quality-control", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    items = as_items(Run(args.run))[:args.problems]
    run = Run.create(args.out, kind="synthesis")
    with run, Engine() as engine, OnDemand("fake", "unit_test") as nobody:
        stages = [Label(engine), Repair(nobody, engine, 0), Quality(engine),
                  Select(args.keep, not args.no_quality_control, 0.5, 0.0)]
        left, tallies = run_stages(run, items, stages)
    export.write_jsonl(args.out / "sft.jsonl", export.sft_rows(left))
    export.write_jsonl(args.out / "dataset.jsonl", export.dataset_rows(left))
    funnel.save(args.out, tallies)
    print(funnel.table(tallies), end="")


def as_items(run: Run) -> list[Item]:
    """The problems that have tests, as the stage `weak` would leave them."""
    solutions, unit_tests = run.solutions(), run.unit_tests()
    return [{"task_id": problem.task_id, "question": in_prose(problem), "solution": problem.reference,
             "entry_point": problem.entry_point, "ground_truth": list(problem.ground_truth),
             "tests": [{"sample": k, "text": text} for k, text in enumerate(unit_tests[problem.task_id])],
             "solutions": [{"sample": k, "text": text} for k, text in enumerate(solutions.get(problem.task_id, []))]}
            for problem in run.problems() if unit_tests.get(problem.task_id) and problem.reference]


if __name__ == "__main__":
    main()
