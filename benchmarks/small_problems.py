"""What a small problem costs, as one step of RL training has them: a few candidates and a few tests each.

usage: python benchmarks/small_problems.py [--side 8] [--problems 100]

Takes CodeT's CodeGen-16B problems, the first candidates and asserts of each, and prints the CPU milliseconds a problem
in both modes beside those of the same pairs executed in one process without any protection.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from pathlib import Path

from recorded import codegen
from reference import in_process

from coderm.execute import Engine

LIMIT_S = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=8)
    parser.add_argument("--problems", type=int, default=100)
    args = parser.parse_args()
    chosen = [p for p in codegen("case") if min(len(p.solutions), len(p.unit_tests)) >= args.side]
    todo = [(p.solutions[: args.side], p.unit_tests[: args.side]) for p in chosen[: args.problems]]
    with Engine("shared", time_limit=LIMIT_S) as engine:  # those without a candidate that hangs
        todo = [pair for pair, m in zip(todo, engine.execute_many(todo), strict=True) if m.cpu_ms.max() < 20]
    print(f"{len(todo)} problems of {args.side} x {args.side}")
    before = time.process_time()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        for solutions, tests in todo:
            in_process(solutions, tests, LIMIT_S)
    tell("in-process limit", time.process_time() - before, len(todo), args.side)
    for mode in ("shared", "split"):
        with Engine(mode, time_limit=LIMIT_S, workers=1) as engine:
            list(engine.execute_many(todo[:2]))
            before = engine.cpu_s
            list(engine.execute_many(todo))
            tell(f"engine, {mode}", engine.cpu_s - before, len(todo), args.side)


def tell(name: str, cpu_s: float, problems: int, side: int) -> None:
    """One line of the table."""
    rate = problems * side * side / cpu_s
    print(f"{name:<20}{1000 * cpu_s / problems:>8.1f} ms a problem{rate:>10,.0f} pairs/s of CPU time")


if __name__ == "__main__":
    main()
