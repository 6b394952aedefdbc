"""How fast the engine is: against the in-process limit and against one process a pair, on the same distinct pairs.

usage: python benchmarks/throughput.py [--problems 6] [--rounds 3] [--slow-pairs 400] [--profile] [--json]

Takes problems of CodeT's CodeGen-16B samples that have the most distinct solutions and asserts, leaves out candidates
that hang or die, and brings both to 100 (where there are fewer, copies with one more assignment behind them count as
distinct: they are compiled and run like any other). Each rate is the best of some rounds taken in turn, by wall time
and by CPU time (of the jobs, cells and all), since only the latter means anything on a machine that does other things
beside.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import random
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from recorded import Pairs, codegen
from reference import in_process, process_per_pair

from coderm.execute import Engine

SIZE = 100
LIMIT_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slow-pairs", type=int, default=400)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measure(arguments.problems, arguments.rounds, arguments.slow_pairs)
    if arguments.profile:
        found["profile"] = profile(found.pop("problems"))
    found.pop("problems", None)
    if arguments.json:
        print(json.dumps(found))
        return
    print(f"{found['pairs']:,} distinct pairs, {found['passing']:.0%} pass")
    for name, rate in found["rates"].items():
        print(f"{name:<26}{rate['wall']:>9,.0f} pairs/s wall{rate['cpu']:>9,.0f} pairs/s of CPU time")
    for name, ratio in found["ratios"].items():
        print(f"{name:<44}{ratio['wall']:>8.2f} by wall{ratio['cpu']:>8.2f} by CPU time")
    for name, share in found["agreement"].items():
        print(f"verdicts equal, {name:<28}{share:>9.4%}")
    for name, micro in found.get("profile", {}).items():
        print(f"{name:<44}{micro:>8.0f} us a pair")


def pick(count: int) -> list[Pairs]:
    """The problems to run, without candidates that hang, die or are refused, brought to 100 x 100."""
    candidates = sorted(codegen("case"), key=lambda p: -min(len(p.solutions), SIZE) * min(len(p.unit_tests), SIZE))
    chosen = []
    with Engine(time_limit=0.2) as engine:
        for problem in candidates[: 3 * count]:
            matrix = engine.execute(problem.solutions, problem.unit_tests[:SIZE])
            clean = ~np.isin(matrix.verdicts, ["timeout", "memory", "crash", "tampered", "not_run"]).any(axis=1)
            quick = matrix.cpu_ms.max(axis=1, initial=0) < 20
            solutions = [s for s, keep in zip(problem.solutions, clean & quick, strict=True) if keep]
            tests = [t for t, votes in zip(problem.unit_tests[:SIZE], matrix.voting, strict=True) if votes]
            if len(solutions) >= SIZE // 3 and len(tests) >= SIZE // 5:
                chosen.append(Pairs(problem.task_id, filled(solutions), filled(tests)))
            if len(chosen) == count:
                break
    return chosen


def filled(texts: list[str]) -> list[str]:
    """100 distinct texts."""
    copies = (f"{text}\ncopy_number = {n}\n" for n in itertools.count() for text in texts)
    return [*texts[:SIZE], *itertools.islice(copies, max(0, SIZE - len(texts)))]


def measure(count: int, rounds: int, slow_pairs: int) -> dict[str, Any]:
    """Rates, ratios and agreement."""
    problems = pick(count)
    todo = [(p.solutions, p.unit_tests) for p in problems]
    total = sum(len(s) * len(t) for s, t in todo)
    truth: list[Any] = []
    matrices: dict[str, list[Any]] = {}
    best: dict[str, dict[str, float]] = {}
    engines = {"engine, 1 worker": Engine(workers=1), "engine, 2 workers": Engine(workers=2),
               "engine, split, 1 worker": Engine("split", workers=1)}

    def limit() -> float:
        before = time.process_time()
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):  # candidates print
            truth[:] = [in_process(s, t, LIMIT_S) for s, t in todo]
        return time.process_time() - before

    def run(name: str) -> Callable[[], float]:
        def work() -> float:
            engine = engines[name]
            before = engine.cpu_s
            matrices[name] = list(engine.execute_many(todo))
            return engine.cpu_s - before

        return work

    with contextlib.ExitStack() as stack:
        for engine in map(stack.enter_context, engines.values()):
            list(engine.execute_many([(s[:2], t[:2]) for s, t in todo[:2]]))  # warm
        for _ in range(rounds):
            for name, work in ({"in-process limit": limit} | {name: run(name) for name in engines}).items():
                started = time.perf_counter()
                cpu = work()
                record(best, name, total, time.perf_counter() - started, cpu)
    passed = np.concatenate([np.array(rows).ravel() for rows in truth])
    agreement = {f"{name} / in-process": float((np.concatenate([m.passed.ravel() for m in found]) == passed).mean())
                 for name, found in matrices.items()}
    sample = random.Random(0).sample([(k, i, j) for k, (s, t) in enumerate(todo) for i in range(len(s))
                                      for j in range(len(t))], min(slow_pairs, total))
    started, used = time.perf_counter(), _children_cpu()
    slow = process_per_pair([(todo[k][0][i], todo[k][1][j]) for k, i, j in sample], LIMIT_S)
    record(best, "one process a pair", len(sample), time.perf_counter() - started, _children_cpu() - used)
    ours = [bool(matrices["engine, 1 worker"][k].passed[i, j]) for k, i, j in sample]
    agreement["engine / one process a pair"] = float(np.equal(ours, slow).mean())

    def ratio(one: str, other: str) -> dict[str, float]:
        return {clock: best[one][clock] / best[other][clock] for clock in ("wall", "cpu")}

    return {
        "problems": problems, "pairs": total, "passing": float(passed.mean()), "rates": best, "agreement": agreement,
        "ratios": {"engine / in-process limit": ratio("engine, 1 worker", "in-process limit"),
                   "engine, split / in-process limit": ratio("engine, split, 1 worker", "in-process limit"),
                   "engine / one process a pair": ratio("engine, 1 worker", "one process a pair"),
                   "2 workers / 1 worker": ratio("engine, 2 workers", "engine, 1 worker")}}


def record(best: dict[str, dict[str, float]], name: str, pairs: int, wall: float, cpu: float) -> None:
    """Keep the better of this rate and the last."""
    before = best.setdefault(name, {"wall": 0.0, "cpu": 0.0})
    best[name] = {"wall": max(before["wall"], pairs / wall), "cpu": max(before["cpu"], pairs / cpu)}


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def profile(problems: list[Pairs]) -> dict[str, float]:
    """Where a pair's time goes, in microseconds of CPU: what the records say against what the job used."""
    total = spent = 0.0
    pairs = 0
    with Engine(workers=1) as engine:
        engine.execute(problems[0].solutions[:2], problems[0].unit_tests[:2])
        before = engine.cpu_s
        for problem in problems:
            matrix = engine.execute(problem.solutions, problem.unit_tests)
            spent += float(matrix.cpu_ms.sum()) * 1000
            pairs += matrix.codes.size
        total = (engine.cpu_s - before) * 1e6
        few = engine.cpu_s
        for problem in problems:
            engine.execute(problem.solutions, problem.unit_tests[:1])
        once = (engine.cpu_s - few) * 1e6
    return {"loading and running the pair": spent / pairs, "everything else": (total - spent) / pairs,
            "of that, compiling solutions and forking": once / pairs}


if __name__ == "__main__":
    main()
