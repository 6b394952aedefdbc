"""The engine as its users see it: pairs in, reward matrices out, over warm jailed workers.

    execute / Engine.execute_many -> Schedule (chunks of a problem's candidates) -> Worker (jailed zygote)
        -> inside/job.py (compiles, judges the tests, watches) -> inside/cell.py (runs the pairs)
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

from coderm.errors import EngineError
from coderm.execute import settings
from coderm.execute.problem import names_of
from coderm.execute.schedule import Chunk, Schedule
from coderm.execute.worker import Worker
from coderm.matrix import RewardMatrix
from coderm.records import Isolation, Protocol

DEFAULT_MEMORY = 1024 * 1024 * 1024
RETRY_ALONE = 4.0  # a wall-clock hit is tried once more with nothing beside it and this many times the wall limit


class Engine:
    """Executes candidate solutions against unit tests; a context manager whose workers stay warm.

    It does one thing at a time: while an iterator of `execute_many` is open, or another thread waits for an answer,
    every call raises EngineError. A forked child gets workers of its own when it first uses the engine.

    >>> with Engine(workers=1) as engine:
    ...     engine.execute(["def f(x): return x + 1"], ["import unittest\\nclass T(unittest.TestCase):\\n"
    ...                    "    def test(self): self.assertEqual(f(1), 2)"]).verdicts.tolist()
    [['pass']]
    """

    def __init__(
        self,
        isolation: Isolation = "shared",
        time_limit: float = 1.0,
        memory_limit: int = DEFAULT_MEMORY,
        workers: int | None = None,
        *,
        protocol: Protocol = "default",
        behaviour: bool = False,
        python: str | None = None,
        unsafe: bool = False,
    ) -> None:
        """`time_limit` is CPU seconds a pair (wall seconds under protocol "paper"), `memory_limit` bytes a cell.

        `workers` is the number of jails, by default one a core. `behaviour` also records what the candidates'
        functions return (see `RewardMatrix.behaviour`). `python` names another interpreter for them. `unsafe` runs
        without the jail: only for code that you trust. Raises InputError for what makes no sense.
        """
        self.isolation: Isolation = settings.mode("isolation", isolation)
        self.protocol: Protocol = settings.mode("protocol", protocol)
        self.time_limit, self.memory_limit = settings.seconds(time_limit), settings.memory(memory_limit)
        self.behaviour, self.unsafe = behaviour, unsafe
        self._count = len(os.sched_getaffinity(0)) if workers is None else settings.count_of_workers(workers)
        self._python = None if python is None else settings.interpreter(python)
        self._begin()
        self.cpu_s = 0.0
        """CPU seconds that jobs have used so far, cells and all."""

    def _begin(self) -> None:
        self._process = os.getpid()
        self._workers: list[Worker] = []
        self._in_use = threading.Lock()

    def _mind_fork(self) -> None:
        """In a forked child, leave workers and lock to the parent, whose answers they hold."""
        if os.getpid() != self._process:
            self._begin()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every worker and whatever runs in it. The engine starts anew if it is used again."""
        self._mind_fork()
        while self._workers:
            self._workers.pop().stop()

    def execute(self, solutions: Sequence[str], unit_tests: Sequence[str]) -> RewardMatrix:
        """Run every pair of one problem: the reward matrix [N, M]."""
        [matrix] = self.execute_many([(solutions, unit_tests)])
        return matrix

    def execute_many(self, problems: Iterable[tuple[Sequence[str], Sequence[str]]]) -> Iterator[RewardMatrix]:
        """Run every pair of each problem; the matrices in order, each as soon as it and those before are done.

        Problems are taken from the iterable as workers come free, so it may be endless. Where it raises, or holds what
        is not a problem, the error comes behind the matrices of the problems before.
        """
        return self._run(Schedule(self, iter(problems)))

    def _run(self, schedule: Schedule) -> Iterator[RewardMatrix]:
        """A schedule, alone: two would take each other's answers from the workers."""
        self._mind_fork()
        lock = self._in_use
        if not lock.acquire(blocking=False):
            raise EngineError("this engine is in the middle of another call: finish or close its iterator, wait for "
                              "the other thread, or use another Engine")
        try:
            yield from schedule.run()
        finally:
            lock.release()

    def explain(self, solution: str, unit_test: str, among: Sequence[str] = ()) -> dict[str, Any]:
        """Run one pair and tell what happened, as plain data of bounded size.

        `among` are the candidates that it was executed together with: which names count as the candidates' is decided
        over all of them. Keys: verdict, reason (of a test that does not vote, else None), cpu_ms, cases, passed; and of
        a run of its own, each "" where there is none: error, message, where (the exception that decided; in split mode
        `where` names lines of the test alone), output (what was printed; in split mode what calls that came back have
        printed to stdout), killed_for (the limit that it exceeded: cpu, sleep, wall, memory; or forged clocks).
        """
        schedule = Schedule(self, iter([([solution], [unit_test])]),
                             {"explain": True, "names": names_of([solution, *among]), "behaviour": False})
        [matrix] = self._run(schedule)
        told = {"verdict": str(matrix.verdicts[0, 0]), "reason": matrix.reasons[0]} | schedule.explanation
        return told | {"cpu_ms": round(float(matrix.cpu_ms[0, 0]), 3), "cases": int(matrix.cases[0, 0]),
                       "passed": int(matrix.cases_passed[0, 0])}

    @property
    def settings(self) -> dict[str, Any]:
        """What verdicts depend on: the limits and modes that a run is executed under."""
        return {"isolation": self.isolation, "time_limit": self.time_limit, "memory_limit": self.memory_limit,
                "protocol": self.protocol, "behaviour": self.behaviour, "python": self._python, "unsafe": self.unsafe}

    def info(self) -> dict[str, Any]:
        """How a matrix came about, as it is recorded in it."""
        about = self._workers[0].about if self._workers else {}
        return self.settings | {name: about.get(name) for name in ("python", "preloaded")}

    def worker(self, index: int) -> Worker:
        """Worker `index`, started when first needed."""
        while len(self._workers) <= index:
            self._workers.append(Worker(self._python or sys.executable, len(self._workers), unsafe=self.unsafe))
        return self._workers[index]

    @property
    def worker_count(self) -> int:
        """How many workers the engine may run."""
        return self._count

    @property
    def running(self) -> bool:
        """Whether it has workers: not before it is first used, nor once it was closed."""
        return bool(self._workers)

    def request(self, chunk: Chunk) -> dict[str, Any]:
        """The job that a worker is sent for a chunk."""
        wall = 2 * self.time_limit + 0.5
        return {
            "solutions": [chunk.problem.solutions[i] for i in chunk.solutions],
            "unit_tests": [chunk.problem.unit_tests[j] for j in chunk.tests],
            "names": chunk.problem.names,
            "time_limit": self.time_limit,
            "wall_limit": wall * (RETRY_ALONE if chunk.alone else 1.0),
            "memory_limit": self.memory_limit,
            "protocol": self.protocol,
            "isolation": self.isolation,
            "behaviour": self.behaviour,
            "dead": chunk.dead,
            "explain": False,
        }
