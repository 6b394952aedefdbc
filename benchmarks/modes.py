"""Split mode against shared mode on honest pairs: how many verdicts differ, and each difference by its cause.

    python benchmarks/modes.py RUN [RUN...] [--pairs N] [--time-limit S]     runs that hold solutions and unit tests
    python benchmarks/modes.py --references DATASET...      reference solutions on the data set's own tests
"""

from __future__ import annotations

import argparse
import collections

import numpy as np

from coderm.execute import Engine
from coderm.problems import as_executable, load
from coderm.runs import Run

Problems = list[tuple[str, list[str], list[str]]]


def from_run(path: str, pairs: int) -> Problems:
    """(task_id, distinct solutions, distinct unit tests), each problem cut to its share of the pairs."""
    run = Run(path)
    solutions, tests = run.texts("solutions"), run.texts("unit_tests")
    tasks = [task for task in solutions if task in tests and tests.count(task)]
    side = max(2, int((pairs / len(tasks)) ** 0.5))
    return [(t, list(dict.fromkeys(solutions[t]))[:side], list(dict.fromkeys(tests[t]))[:side]) for t in tasks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*")
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--time-limit", type=float, default=1.0)
    parser.add_argument("--references", nargs="+", default=[], metavar="DATASET")
    parser.add_argument("--memory-limit", type=int, default=1024, help="MiB")
    args = parser.parse_args()
    sets = {path: from_run(path, args.pairs) for path in args.runs}
    for spec in args.references:
        sets[spec] = [(p.task_id, [as_executable(p, p.reference or "")], [*p.ground_truth]) for p in load(spec)]
    for name, problems in sets.items():
        matrices, spent = {}, {}
        for mode in ("shared", "split"):
            with Engine(mode, time_limit=args.time_limit, memory_limit=args.memory_limit << 20) as engine:
                matrices[mode] = list(engine.execute_many((s, u) for _, s, u in problems))
                spent[mode] = f"{mode} {engine.cpu_s:.0f} s of CPU time"
        total, causes = 0, collections.Counter[tuple[str, str]]()
        for (task, _, _), a, b in zip(problems, matrices["shared"], matrices["split"], strict=True):
            total += a.codes.size
            for i, j in np.argwhere(a.codes != b.codes):
                causes[str(a.verdicts[i, j]), str(b.verdicts[i, j])] += 1
                print(f"  {task} solution {i} unit test {j}: shared {a.verdicts[i, j]}, split {b.verdicts[i, j]}")
        differ = sum(causes.values())
        print(f"{name}: {differ} of {total} verdicts differ ({100 * differ / max(total, 1):.4f} %) {dict(causes)}, "
              + ", ".join(spent.values()))


if __name__ == "__main__":
    main()
