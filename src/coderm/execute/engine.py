"""The engine as its users see it: pairs in, reward matrices out, over warm jailed workers.

    execute / Engine.execute_many -> chunks of a problem's candidates -> Worker (jailed zygote)
        -> inside/job.py (compiles, judges the tests, watches) -> inside/cell.py (runs the pairs)

A problem is cut into chunks of candidates so that no core idles at the end; its matrix is handed out, in order,
when all its chunks are in. What goes wrong on our side is retried and, failing that, stays `not_run`.
"""

from __future__ import annotations

import os
import selectors
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import EngineError, InputError
from coderm.execute.inside import board as boards
from coderm.execute.inside.wire import Closed
from coderm.execute.problem import Problem, names_of, take_in
from coderm.execute.worker import Worker
from coderm.matrix import RewardMatrix
from coderm.records import VERDICT_WORDS, Isolation, Protocol, Verdict

DEFAULT_MEMORY = 1024 * 1024 * 1024
PAIRS_PER_CHUNK = 10_000
SPLIT_FROM = 500  # fewer pairs than this are not worth a second worker
ATTEMPTS = 3
RETRY_ALONE = 4.0  # a wall-clock hit is tried once more with nothing beside it and this many times the wall limit


@dataclass
class _Chunk:
    """Some candidates of a problem (indices into its distinct solutions), against some or all of its tests."""

    problem: Problem
    solutions: list[int]
    tests: list[int]
    alone: bool = False
    attempts: int = 0
    dead: list[tuple[str, int]] = field(default_factory=list)


class Engine:
    """Executes candidate solutions against unit tests; a context manager whose workers stay warm.

    It does one thing at a time: while an iterator of `execute_many` is open, or another thread waits for an answer,
    every call raises EngineError.

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
        without the jail: only for code that you trust. Raises InputError for limits that make no sense.
        """
        if not 0.001 <= time_limit <= 3600:
            raise InputError(f"time_limit must be between 0.001 and 3600 seconds, not {time_limit}")
        if memory_limit < 16 * 1024 * 1024:
            raise InputError(f"memory_limit must be at least 16 MiB, not {memory_limit} bytes")
        if isolation not in ("shared", "split"):
            raise InputError(f"isolation must be shared or split, not {isolation!r}")
        self.isolation, self.time_limit, self.memory_limit = isolation, time_limit, memory_limit
        self.protocol, self.behaviour, self.unsafe = protocol, behaviour, unsafe
        self._count = max(1, workers or len(os.sched_getaffinity(0)))
        self._python = python or sys.executable
        self._workers: list[Worker] = []
        self._in_use = threading.Lock()
        self.cpu_s = 0.0
        """CPU seconds that jobs have used so far, cells and all."""

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End every worker and whatever runs in it. The engine starts anew if it is used again."""
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
        return self._run(_Schedule(self, iter(problems)))

    def _run(self, schedule: _Schedule) -> Iterator[RewardMatrix]:
        """A schedule, alone: two would take each other's answers from the workers."""
        if not self._in_use.acquire(blocking=False):
            raise EngineError("this engine is in the middle of another call: finish or close its iterator, wait for "
                              "the other thread, or use another Engine")
        try:
            yield from schedule.run()
        finally:
            self._in_use.release()

    def explain(self, solution: str, unit_test: str, among: Sequence[str] = ()) -> dict[str, Any]:
        """Run one pair and tell what happened, as plain data of bounded size.

        `among` are the candidates that it was executed together with: which names count as the candidates' is decided
        over all of them. Keys: verdict, reason (of a test that does not vote, else None), cpu_ms, cases, passed; and of
        a run of its own, in shared mode whatever the engine's, each "" where there is none: error, message, where (the
        exception that decided), output (what was printed), killed_for (the limit that it exceeded: cpu, sleep, wall,
        memory; or forged clocks).
        """
        schedule = _Schedule(self, iter([([solution], [unit_test])]),
                             {"explain": True, "names": names_of([solution, *among]), "behaviour": False})
        [matrix] = self._run(schedule)
        told = {"verdict": str(matrix.verdicts[0, 0]), "reason": matrix.reasons[0]} | schedule.explanation
        return told | {"cpu_ms": round(float(matrix.cpu_ms[0, 0]), 3), "cases": int(matrix.cases[0, 0]),
                       "passed": int(matrix.cases_passed[0, 0])}

    @property
    def settings(self) -> dict[str, Any]:
        """What verdicts depend on: the limits and modes that a run is executed under."""
        return {"isolation": self.isolation, "time_limit": self.time_limit, "memory_limit": self.memory_limit,
                "protocol": self.protocol, "behaviour": self.behaviour, "unsafe": self.unsafe}

    def info(self) -> dict[str, Any]:
        """How a matrix came about, as it is recorded in it."""
        about = self._workers[0].about if self._workers else {}
        return self.settings | {name: about.get(name) for name in ("python", "preloaded")}

    def worker(self, index: int) -> Worker:
        """Worker `index`, started when first needed."""
        while len(self._workers) <= index:
            self._workers.append(Worker(self._python, len(self._workers), unsafe=self.unsafe))
        return self._workers[index]

    @property
    def worker_count(self) -> int:
        """How many workers the engine may run."""
        return self._count

    @property
    def running(self) -> bool:
        """Whether it has workers: not before it is first used, nor once it was closed."""
        return bool(self._workers)

    def request(self, chunk: _Chunk) -> dict[str, Any]:
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


class _Schedule:
    """One pass over a stream of problems: which worker does what next, and what to hand out when."""

    def __init__(self, engine: Engine, problems: Iterator[tuple[Sequence[str], Sequence[str]]],
                 special: dict[str, Any] | None = None) -> None:
        """`special` is what its jobs are asked in place of `Engine.request`."""
        self.engine, self.problems, self.special = engine, problems, special or {}
        self.explanation: dict[str, Any] = dict.fromkeys(("error", "message", "where", "output", "killed_for"), "")
        self.queue: deque[_Chunk] = deque()
        self.alone: deque[_Chunk] = deque()
        self.order: deque[Problem] = deque()
        self.busy: dict[int, _Chunk] = {}
        self.exhausted = False
        self.error: Exception | None = None
        self.selector = selectors.DefaultSelector()

    def run(self) -> Iterator[RewardMatrix]:
        try:
            while True:
                self._fill()
                self._dispatch()
                while self.order and self.order[0].out == 0:
                    yield self._assemble(self.order.popleft())
                if not self.busy and not self.queue and not self.alone and self.exhausted and not self.order:
                    if self.error is not None:
                        raise self.error
                    return
                if self.busy:
                    if not self.engine.running:
                        raise EngineError("the engine was closed before this iterator was finished")
                    for key, _ in self.selector.select():
                        self._hear(key.data)
        finally:
            self.selector.close()
            if self.busy:  # the consumer stopped early or something broke: what runs is of no use any more
                self.engine.close()

    def _fill(self) -> None:
        """Keep a few chunks ready, but never read far ahead: memory stays flat in the number of problems."""
        while not self.exhausted and len(self.queue) < self.engine.worker_count and len(self.order) < 64:
            try:
                solutions, unit_tests = next(self.problems)
                problem = take_in(solutions, unit_tests)
            except StopIteration:
                self.exhausted = True
                return
            except Exception as error:  # raised when the problems before it are done
                self.exhausted, self.error = True, error
                return
            self.order.append(problem)
            n, m = len(problem.solutions), len(problem.unit_tests)
            if n == 0 or m == 0:
                problem.reasons = [None] * m
                continue
            chunks = max(1, -(-n * m // PAIRS_PER_CHUNK), n * m // SPLIT_FROM and self._idle())
            for indices in np.array_split(np.arange(n), min(chunks, n)):
                self._put(_Chunk(problem, [int(i) for i in indices], list(range(m))))

    def _idle(self) -> int:
        """How many workers have nothing to do: a problem is shared among them."""
        return self.engine.worker_count - len(self.busy) - len(self.queue)

    def _put(self, chunk: _Chunk) -> None:
        chunk.problem.out += 1
        (self.alone if chunk.alone else self.queue).append(chunk)

    def _dispatch(self) -> None:
        for index in range(self.engine.worker_count):
            if index in self.busy:
                continue
            if any(chunk.alone for chunk in self.busy.values()):
                return
            if self.queue:
                chunk = self.queue.popleft()
            elif self.alone and not self.busy:
                chunk = self.alone.popleft()
            else:
                return
            worker, request = self.engine.worker(index), self.engine.request(chunk) | self.special
            self.busy[index] = chunk
            try:
                worker.submit(request)
            except Closed:
                worker.restart()
                worker.submit(request)
            self.selector.register(worker, selectors.EVENT_READ, index)

    def _hear(self, index: int) -> None:
        """Take one frame from a worker."""
        worker, chunk = self.engine.worker(index), self.busy[index]
        try:
            header, blob = worker.receive()
        except (Closed, ValueError):
            self._release(index)
            worker.restart()
            self._again(chunk)
            return
        if header["kind"] == "tests" and len(chunk.tests) == len(chunk.problem.unit_tests):
            chunk.problem.reasons = header["reasons"]
        elif header["kind"] == "behaviour":
            if len(chunk.tests) == len(chunk.problem.unit_tests):
                chunk.problem.events[chunk.solutions[header["solution"]]] = blob
        elif header["kind"] == "explain":
            self.explanation |= header["told"]
        elif header["kind"] == "row":
            self._take_row(chunk, header["solution"], blob)
        elif header["kind"] == "end":
            self._release(index)
            self.engine.cpu_s += header["cpu_s"]
            self._finish(chunk, header, worker)

    def _release(self, index: int) -> None:
        del self.busy[index]
        self.selector.unregister(self.engine.worker(index))

    def _take_row(self, chunk: _Chunk, position: int, blob: bytes) -> None:
        if not 0 <= position < len(chunk.solutions) or len(blob) != boards.RECORD_SIZE * len(chunk.tests):
            raise EngineError("a worker answered with a row that was not asked for")
        problem, i = chunk.problem, chunk.solutions[position]
        if len(chunk.tests) == len(problem.unit_tests):
            problem.records[i] = blob
        else:
            row = bytearray(problem.records[i])
            for k, j in enumerate(chunk.tests):
                row[j * boards.RECORD_SIZE : (j + 1) * boards.RECORD_SIZE] = \
                    blob[k * boards.RECORD_SIZE : (k + 1) * boards.RECORD_SIZE]
            problem.records[i] = bytes(row)

    def _finish(self, chunk: _Chunk, header: dict[str, Any], worker: Worker) -> None:
        """A job has ended: go on, or repeat what it did not get to."""
        if header["status"] != 0:
            if header["compiling"] is not None:
                kind, position = header["compiling"]
                chunk.dead.append((kind, position))
                chunk.attempts -= 1  # that text is the cause, and it will not be compiled again
            else:
                worker.restart()
            self._again(chunk)
            return
        chunk.problem.out -= 1
        if not chunk.alone and self.engine.protocol != "paper":
            for i in chunk.solutions:
                suspects = [j for j, record in enumerate(boards.unpack_records(chunk.problem.records[i]))
                            if record.flags & boards.WALL]
                if suspects:
                    self._put(_Chunk(chunk.problem, [i], suspects, alone=True))

    def _again(self, chunk: _Chunk) -> None:
        """Queue what is missing of a chunk once more, up to a number of attempts; then it stays not_run."""
        chunk.problem.out -= 1
        chunk.attempts += 1
        if chunk.attempts < ATTEMPTS:
            self._put(chunk)

    def _assemble(self, problem: Problem) -> RewardMatrix:
        n, m = len(problem.solutions), len(problem.unit_tests)
        kind = np.dtype([("state", "u1"), ("verdict", "u1"), ("flags", "u1"), ("_", "u1"), ("cases", "<u2"),
                         ("passed", "<u2"), ("cpu_us", "<u4")])
        table = np.zeros((n, m), dtype=kind)
        for i, blob in problem.records.items():
            table[i] = np.frombuffer(blob, dtype=kind)
        table["verdict"][table["verdict"] >= len(VERDICT_WORDS)] = Verdict.CRASH
        full = table[np.ix_(problem.row_of, problem.column_of)]
        reasons = problem.reasons or [None] * m
        behaviour = calls = None
        if self.engine.behaviour:
            behaviour, calls = _behaviour(problem)
            behaviour, calls = behaviour[problem.row_of], calls[problem.column_of]
        return RewardMatrix(
            behaviour=behaviour,
            calls=calls,
            codes=full["verdict"].copy(),
            cases=full["cases"].astype(np.int32),
            cases_passed=full["passed"].astype(np.int32),
            cpu_ms=full["cpu_us"].astype(np.float32) / np.float32(1000),
            reasons=tuple(reasons[j] for j in problem.column_of),
            self_judged=full["flags"] & boards.SELF_JUDGED != 0 if self.engine.isolation == "split" else None,
            info=self.engine.info(),
        )


def _behaviour(problem: Problem) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(fingerprints [distinct solutions, calls], which test makes which call [distinct tests, calls])."""
    kind = np.dtype([("test", "<u4"), ("call", "<i8"), ("result", "<i8")])
    events = {i: np.frombuffer(blob, dtype=kind) for i, blob in problem.events.items()}
    made = [(int(e["test"]), int(e["call"])) for i in sorted(events) for e in events[i]]
    column = {call: k for k, call in enumerate(dict.fromkeys(call for _, call in sorted(made, key=lambda e: e[0])))}
    behaviour = np.zeros((len(problem.solutions), len(column)), dtype=np.int64)
    calls = np.zeros((len(problem.unit_tests), len(column)), dtype=bool)
    for i, of_solution in events.items():
        for test, call, result in of_solution.tolist():
            calls[test, column[call]] = True
            if not behaviour[i, column[call]]:
                behaviour[i, column[call]] = result
    return behaviour, calls
