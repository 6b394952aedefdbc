"""How fast scaling curves are: the paper's whole Figure 1 grid, against a loop over resamples and problems.

    .venv/bin/python benchmarks/curves.py [--problems 164] [--rules majority codet ...]

The grid is 5 numbers of candidates x 12 of unit tests x 100 resamples over problems of 200 x 100 random verdicts, on
one core. The loop is what one would write first: draw, slice, count, choose, per resample and problem; it is timed on
a few problems and one point of the grid, and scaled up.
"""

from __future__ import annotations

import argparse
import os
import time

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np

from coderm.matrix import RewardMatrix
from coderm.reward import SELECTORS, Context, Task, scaling_curve

N_VALUES = (10, 20, 50, 100, 200)
M_VALUES = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)
RESAMPLES = 100


def made_up(problems: int) -> list[Task]:
    """Problems of 200 x 100 verdicts whose candidates and tests differ in how often they pass."""
    rng = np.random.default_rng(0)
    tasks = []
    for p in range(problems):
        skill, ease = rng.beta(1, 1, (200, 1)), rng.beta(0.5, 0.5, (1, 100))
        tasks.append(Task(f"p/{p}", RewardMatrix.from_passed(rng.random((200, 100)) < skill * ease),
                          Context(labels=rng.random(200) < skill[:, 0])))
    return tasks


def loop_seconds(tasks: list[Task]) -> float:
    """Seconds a point of the grid of the plain loop (majority, 200 candidates, 50 tests) over the given tasks."""
    rng, start = np.random.default_rng(0), time.perf_counter()
    for _ in range(RESAMPLES):
        for task in tasks:
            passed, labels = task.matrix.passed, task.context.labels
            assert labels is not None
            votes = [sum(bool(passed[i, j]) for j in rng.permutation(100)[:50]) for i in range(200)]
            tied = [i for i in range(200) if votes[i] == max(votes)]
            sum(labels[i] for i in tied) / len(tied)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=164)
    parser.add_argument("--rules", nargs="+", default=["majority", "majority-groups", "variance", "codet", "mbr-exec"])
    options = parser.parse_args()
    tasks = made_up(options.problems)
    points = len(N_VALUES) * len(M_VALUES)
    loop = loop_seconds(tasks[:1]) * options.problems * points
    print(f"plain loop, majority: {loop / points:.1f} s a point, {loop:.0f} s the grid (scaled from one problem)")
    for name in options.rules:
        start = time.perf_counter()
        scaling_curve(tasks, SELECTORS[name], N_VALUES, M_VALUES, resamples=RESAMPLES)
        print(f"{name}: {time.perf_counter() - start:.1f} s the grid of {points} points")


if __name__ == "__main__":
    main()
