"""How fast scaling curves are: the paper's whole Figure 1 grid, against a loop over resamples and problems.

    OMP_NUM_THREADS=1 .venv/bin/python benchmarks/curves.py [--problems 164] [--rules majority codet ...]

The grid is 5 numbers of candidates x 12 of unit tests x 100 resamples over problems of 200 x 100 random verdicts, on
one core. The loop is what one would write first: draw, slice, count, choose, per resample and problem, with numpy for
each step and in plain Python; it is timed on one problem and one point of the grid, and scaled up.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

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


def numpy_point(task: Task, drawn: list[int]) -> float:
    """Accuracy of the vote over the drawn tests, sliced and summed with numpy."""
    assert task.context.labels is not None
    votes = task.matrix.passed[:, drawn].sum(axis=1)
    return float(task.context.labels[votes == votes.max()].mean())


def plain_point(task: Task, drawn: list[int]) -> float:
    """The same, counted in plain Python."""
    assert task.context.labels is not None
    votes = [sum(bool(row[j]) for j in drawn) for row in task.matrix.passed]
    tied = [right for right, count in zip(task.context.labels, votes, strict=True) if count == max(votes)]
    return sum(tied) / len(tied)


def loop_seconds(point: Callable[[Task, list[int]], float], task: Task) -> float:
    """Seconds that all resamples of one problem at one point of the grid (200 candidates, 50 tests) take."""
    rng, start = np.random.default_rng(0), time.process_time()
    for _ in range(RESAMPLES):
        point(task, rng.permutation(100)[:50].tolist())
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=164)
    parser.add_argument("--rules", nargs="+", default=["majority", "majority-groups", "variance", "codet", "mbr-exec"])
    options = parser.parse_args()
    tasks = made_up(options.problems)
    points = len(N_VALUES) * len(M_VALUES)
    for what, point in (("plain Python", plain_point), ("numpy", numpy_point)):
        loop = loop_seconds(point, tasks[0]) * options.problems
        print(f"majority, a loop in {what}: {loop:.1f} CPU s a point, {loop * points:.0f} CPU s the grid (scaled up)")
    for name in options.rules:
        start = time.process_time()
        scaling_curve(tasks, SELECTORS[name], N_VALUES, M_VALUES, resamples=RESAMPLES)
        print(f"{name}: {time.process_time() - start:.1f} CPU s the grid of {points} points")


if __name__ == "__main__":
    main()
