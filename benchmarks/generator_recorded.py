"""Training rows from recorded replies: labelling, quality control and selection on real output without a model.

    python benchmarks/generator_recorded.py --data ../shared/data/qwen --problems 20 --out DIR
    coderm train DIR --base BASE --out MODEL

Reads solutions.jsonl.gz and unit_tests.jsonl.gz ({"task_id", "responses"}), 16 replies each to 31 HumanEval problems by
Qwen2.5-Coder-0.5B-Instruct; the first --problems of them become data, the others stay unseen. The model was shown no
solution and HumanEval's own references and tests are used, so this walks the path and is no training set to publish.
"""

from __future__ import annotations

import argparse
import gzip
import json
from pathlib import Path

from coderm.execute import Engine
from coderm.generate.extract import extract_solution
from coderm.generate.prompts import in_prose
from coderm.problems import load
from coderm.runs import Run
from coderm.synthesize import export, funnel
from coderm.synthesize.asking import OnDemand
from coderm.synthesize.label import Label
from coderm.synthesize.pipeline import Item, run_stages
from coderm.synthesize.quality import Quality
from coderm.synthesize.repair import Repair
from coderm.synthesize.sample import usable_test
from coderm.synthesize.selection import Select


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--problems", type=int, default=20)
    parser.add_argument("--keep", type=int, default=16)
    parser.add_argument("--no-quality-control", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    items = recorded(args.data)[:args.problems]
    run = Run.create(args.out, kind="synthesis")
    with run, Engine() as engine, OnDemand("fake", "unit_test") as nobody:
        stages = [Label(engine), Repair(nobody, engine, 0), Quality(engine),
                  Select(args.keep, not args.no_quality_control, 0.5, 0.0)]
        left, tallies = run_stages(run, items, stages)
    export.write_jsonl(args.out / "sft.jsonl", export.sft_rows(left))
    export.write_jsonl(args.out / "dataset.jsonl", export.dataset_rows(left))
    funnel.save(args.out, tallies)
    print(funnel.table(tallies), end="")


def recorded(folder: Path) -> list[Item]:
    """The items as the stage `weak` would leave them, in the file's order."""
    replies = {}
    for kind in ("solutions", "unit_tests"):
        with gzip.open(folder / f"{kind}.jsonl.gz", "rt") as file:
            replies[kind] = {row["task_id"]: row["responses"] for row in map(json.loads, file)}
    problems = {problem.task_id: problem for problem in load("humaneval")}
    items = []
    for task_id, texts in replies["unit_tests"].items():
        problem = problems[task_id]
        item: Item = {"task_id": task_id, "question": in_prose(problem), "solution": problem.reference,
                      "entry_point": problem.entry_point, "ground_truth": list(problem.ground_truth)}
        item["tests"] = [{"sample": k, "text": text} for k, reply in enumerate(texts)
                         if (text := usable_test(reply, item)[0])]
        item["solutions"] = [{"sample": k, "text": text} for k, reply in enumerate(replies["solutions"][task_id])
                             if (text := extract_solution(reply, entry_point=problem.entry_point).text)]
        items.append(item)
    return items


if __name__ == "__main__":
    main()
