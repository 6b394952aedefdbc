"""Whether the engine's verdicts are the reference's, and the same on a busy machine.

usage: python benchmarks/agreement.py [--pairs 20000] [--limit 1.0] [--load-pairs 5000] [--json]

Runs recorded pairs of CodeGen-16B and Qwen through the engine and through one process a pair (paper semantics:
solution text and test text in one namespace) and lists every disagreement with its cause. Then runs pairs that are
far from a limit of 0.1 s twice, alone and with four busy processes a core beside them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
from collections import Counter
from typing import Any

from recorded import Pairs, codegen, qwen
from reference import process_per_pair

from coderm.execute import Engine
from coderm.matrix import RewardMatrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--limit", type=float, default=1.0)
    parser.add_argument("--load-pairs", type=int, default=5_000)
    parser.add_argument("--isolation", choices=["shared", "split"], default="shared")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    problems = [*codegen("sample"), *qwen()]
    problems = [p for p in problems if p.solutions and p.unit_tests]
    found: dict[str, Any] = {}
    if arguments.pairs:
        found["reference"] = against_reference(problems, arguments.pairs, arguments.limit, arguments.isolation)
    if arguments.load_pairs:
        found["load"] = under_load(problems, arguments.load_pairs, arguments.isolation)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, part in found.items():
        print(f"{name}: {part['pairs']:,} pairs, {part['differ']} differ")
        for cause, count in part["causes"].items():
            print(f"  {count:>6}  {cause}")


def executed(engine: Engine, problems: list[Pairs]) -> list[RewardMatrix]:
    return list(engine.execute_many((p.solutions, p.unit_tests) for p in problems))


def against_reference(problems: list[Pairs], count: int, limit: float, isolation: Any) -> dict[str, Any]:
    """Engine and process_per_pair on a sample of all pairs, and why they differ where they do."""
    with Engine(isolation, time_limit=limit) as engine:
        matrices = executed(engine, problems)
    places = [(k, i, j) for k, m in enumerate(matrices) for i in range(m.shape[0]) for j in range(m.shape[1])]
    sample = random.Random(0).sample(places, min(count, len(places)))
    truth = process_per_pair([(problems[k].solutions[i], problems[k].unit_tests[j]) for k, i, j in sample], limit,
                             workers=len(os.sched_getaffinity(0)))
    causes: Counter[str] = Counter()
    shown: dict[str, tuple[str, int, int]] = {}
    for (k, i, j), passed in zip(sample, truth, strict=True):
        matrix = matrices[k]
        if bool(matrix.passed[i, j]) != passed:
            verdict = str(matrix.verdicts[i, j])
            seconds = float(matrix.cpu_ms[i, j]) / 1000
            cause = (f"reference {'passes' if passed else 'does not pass'}, engine says {verdict}"
                     f"{': ' + str(matrix.reasons[j]) if matrix.reasons[j] else ''}"
                     f"{' (within a factor of two of the limit)' if limit / 2 < seconds < 2 * limit else ''}")
            causes[cause] += 1
            shown.setdefault(cause, (problems[k].task_id, i, j))
    return {"pairs": len(sample), "limit": limit, "differ": sum(causes.values()),
            "causes": {f"{cause}, e.g. {shown[cause]}": n for cause, n in causes.most_common()}}


def under_load(problems: list[Pairs], count: int, isolation: Any) -> dict[str, Any]:
    """The same pairs alone and with four busy processes a core, at a limit of 0.1 s."""
    some, total = [], 0
    for problem in random.Random(1).sample(problems, len(problems)):
        if total < 2 * count:
            some.append(problem)
            total += len(problem.solutions) * len(problem.unit_tests)
    with Engine(isolation, time_limit=0.1) as engine:
        alone = executed(engine, some)
        busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(4 * len(os.sched_getaffinity(0)))]
        for process in busy:
            process.start()
        try:
            loaded = executed(engine, some)
        finally:
            for process in busy:
                process.kill()
    causes: Counter[str] = Counter()
    pairs = 0
    for problem, one, other in zip(some, alone, loaded, strict=True):
        for i, j in [(i, j) for i in range(one.shape[0]) for j in range(one.shape[1])]:
            if 50 < one.cpu_ms[i, j] < 200:  # too near the limit to say
                continue
            pairs += 1
            if one.codes[i, j] != other.codes[i, j]:
                causes[f"{one.verdicts[i, j]} alone, {other.verdicts[i, j]} loaded: {problem.task_id} {i} {j}"] += 1
    return {"pairs": pairs, "limit": 0.1, "differ": sum(causes.values()), "causes": dict(causes)}


def spin() -> None:
    """Keep a core busy."""
    while True:
        pass


if __name__ == "__main__":
    main()
