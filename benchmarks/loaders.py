"""Proves the loaders: is every problem's own reference solution correct by its ground truth, and a broken one not?

    python benchmarks/loaders.py humaneval humaneval+:FILE mbpp+:FILE [--memory-limit MIB] [--json]

Prints, for each data set, the problems whose reference is not correct, those for which a function that returns
nonsense is, and what the ground truth costs.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from coderm.execute import Engine
from coderm.problems import as_executable, load


def prove(dataset: str, memory_limit: int) -> dict[str, object]:
    """What became of the references of one data set."""
    problems = [p for p in load(dataset) if p.reference is not None and p.ground_truth]
    started = time.monotonic()
    wrong, fooled, cost = {}, [], {}
    with Engine(time_limit=120.0, memory_limit=memory_limit * 2**20) as engine:
        pairs = (([as_executable(p, p.reference or ""), f"def {p.entry_point}(*a, **k):\n    return '#nonsense'\n"],
                  p.ground_truth) for p in problems)
        for problem, matrix in zip(problems, engine.execute_many(pairs), strict=True):
            if not matrix.passed[0].all():
                wrong[problem.task_id] = next(reason or word for reason, word
                                              in zip(matrix.reasons, matrix.verdicts[0], strict=True) if word != "pass")
            if matrix.passed[1].all():
                fooled.append(problem.task_id)
            cost[problem.task_id] = float(matrix.cpu_ms[0].sum())
    slowest = sorted(cost, key=cost.__getitem__)[-5:]
    return {
        "dataset": dataset, "problems": len(problems), "reference_not_correct": wrong, "nonsense_correct": fooled,
        "cpu_ms_median": round(float(np.median(list(cost.values()))), 1),
        "cpu_ms_slowest": {task_id: round(cost[task_id]) for task_id in slowest},
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> None:
    """Read the arguments and print one block, or one JSON line, for each data set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="+")
    parser.add_argument("--memory-limit", type=int, default=1024, help="MiB")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for dataset in options.datasets:
        told = prove(dataset, options.memory_limit)
        lines = [json.dumps(told)] if options.json else [*(f"{name}: {value}" for name, value in told.items()), ""]
        print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
