"""What it costs that a sequential budget is spent in rounds, as `coderm run` does, and not one reply at a time.

usage: python benchmarks/rounds.py [RUN...] [--simulate table2|codegen] [--seeds 3] [--problems 500]

Each reply is a unit test, and majority vote chooses. For budgets of 8, 16 and 32 replies a problem on average: the
accuracy of equal allocation, of the sequential rule one reply at a time (10,000 rounds), and what each number of rounds
adds to that, with its standard error over shuffles of the replies (one of each run a seed; a simulated run is drawn
anew).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scaling import SIMULATED

from coderm.runs import Run
from coderm.scale.curves import prefix_accuracy
from coderm.scale.from_run import recorded_problems
from coderm.scale.live import granted, judge
from coderm.scale.recorded import Recorded, Replies, side_by_side
from coderm.scale.sequential import CONFIDENCE, START
from coderm.scale.simulate import simulate

BUDGETS = (8, 16, 32)
ONE_BY_ONE = 10_000
COMPARED = (4, 8, 16, 32)


def spend(replies: Replies, total: int, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spend `total` replies in about so many rounds.

    Returns which candidates ran on which replies [P, N, M], which are in the race to the end [P, N], and which are
    the tied best then [P, N].
    """
    p, _, m = replies.votes.shape
    held = np.minimum(START, replies.limit)
    ran = replies.present[:, :, None] & (np.arange(m) < held[:, None])[:, None]
    alive, chosen, worth = replies.present.copy(), replies.present.copy(), np.zeros(p)
    changed = np.arange(p)
    while len(changed):
        for i in changed:
            n, more = int(replies.present[i].sum()), int(replies.limit[i] - held[i])
            now = judge(replies.votes[i, :n, : held[i]] > 0, np.flatnonzero(alive[i]).tolist(), more, CONFIDENCE)
            alive[i, :n], chosen[i, :n], worth[i] = now.alive[0], now.chosen[0], now.worth[0]
        left = total - int(held.sum())
        before, held = held, granted(worth, held, replies.limit, min(left, max(total // rounds, 1)))
        changed = np.flatnonzero(held > before)
        for i in changed:
            ran[i, :, before[i] : held[i]] = alive[i][:, None]
    return ran, alive, chosen


def accuracy(replies: Replies, chosen: np.ndarray) -> float:
    """Expected accuracy in % of choosing among the tied best at random."""
    return 100 * float(((chosen & replies.correct).sum(axis=1) / chosen.sum(axis=1)).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--simulate", choices=SIMULATED, action="append", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--problems", type=int, default=500)
    args = parser.parse_args()
    sources: dict[str, list[list[Recorded]]] = {}
    for path in args.runs:
        problems = [problem for problem in recorded_problems(Run(path)) if len(problem.correct) and problem.replies]
        sources[path.name] = [problems] * args.seeds
    for name in args.simulate:
        sources[f"simulated {name}"] = [simulate(SIMULATED[name], args.problems, 100, 100, 10 + seed)
                                        for seed in range(args.seeds)]
    print("| majority | replies a problem | equal | one by one | " + " | ".join(f"{r} rounds" for r in COMPARED) + " |")
    print("|---" * (4 + len(COMPARED)) + "|")
    for name, draws in sources.items():
        shuffles = [side_by_side(problems, "majority").shuffled(np.random.default_rng(seed))
                    for seed, problems in enumerate(draws)]
        for budget in BUDGETS:
            total = budget * len(draws[0])
            equal, single, less = [], [], []
            for replies in shuffles:
                p = np.arange(len(replies.limit))
                equal.append(100 * prefix_accuracy(replies)[p, np.minimum(budget, replies.limit)].mean())
                found = {r: accuracy(replies, spend(replies, total, r)[2]) for r in (ONE_BY_ONE, *COMPARED)}
                single.append(found[ONE_BY_ONE])
                less.append([found[r] - found[ONE_BY_ONE] for r in COMPARED])
            error = np.std(less, axis=0) / np.sqrt(max(len(less) - 1, 1))
            cells = [f"{d:+.1f} ± {e:.1f}" for d, e in zip(np.mean(less, axis=0), error, strict=True)]
            print(f"| {name} | {budget} | {np.mean(equal):.1f} | {np.mean(single):.1f} | " + " | ".join(cells) + " |",
                  flush=True)


if __name__ == "__main__":
    main()
