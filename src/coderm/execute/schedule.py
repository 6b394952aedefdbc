"""One pass over a stream of problems: which worker does what next, and what to hand out when.

A problem is cut into chunks of candidates so that no core idles at the end; its matrix is handed out, in order,
when all its chunks are in. What goes wrong on our side is retried and, failing that, stays `not_run`.
"""

from __future__ import annotations

import os
import selectors
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import EngineError
from coderm.execute.inside import board as boards
from coderm.execute.inside.wire import Closed
from coderm.execute.problem import Problem, take_in
from coderm.execute.worker import Worker
from coderm.matrix import RewardMatrix
from coderm.records import VERDICT_WORDS, Verdict

if TYPE_CHECKING:
    from coderm.execute.engine import Engine

PAIRS_PER_CHUNK = 10_000
SPLIT_FROM = 500  # fewer pairs than this are not worth a second worker
ATTEMPTS = 3


@dataclass
class Chunk:
    """Some candidates of a problem (indices into its distinct solutions), against some or all of its tests."""

    problem: Problem
    solutions: list[int]
    tests: list[int]
    alone: bool = False
    attempts: int = 0
    dead: list[tuple[str, int]] = field(default_factory=list)


class Schedule:
    """One pass over a stream of problems: which worker does what next, and what to hand out when."""

    def __init__(self, engine: Engine, problems: Iterator[tuple[Sequence[str], Sequence[str]]],
                 special: dict[str, Any] | None = None) -> None:
        """`special` is what its jobs are asked in place of `Engine.request`."""
        self.engine, self.problems, self.special = engine, problems, special or {}
        self.explanation: dict[str, Any] = dict.fromkeys(("error", "message", "where", "output", "killed_for"), "")
        self.queue: deque[Chunk] = deque()
        self.alone: deque[Chunk] = deque()
        self.order: deque[Problem] = deque()
        self.busy: dict[int, Chunk] = {}
        self.exhausted = False
        self.error: Exception | None = None
        self.process = os.getpid()
        self.selector = selectors.DefaultSelector()

    def run(self) -> Iterator[RewardMatrix]:
        try:
            self._mind_fork()
            while True:
                self._fill()
                self._dispatch()
                while self.order and self.order[0].out == 0:
                    yield self._assemble(self.order.popleft())
                    self._mind_fork()
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

    def _mind_fork(self) -> None:
        """Asked wherever one goes on: a forked child would take answers that the parent waits for."""
        if os.getpid() != self.process:
            raise EngineError("this iterator was begun in another process, which this one was forked from")

    def _fill(self) -> None:
        """Keep a few chunks ready, but never read far ahead: memory stays flat in the number of problems."""
        while not self.exhausted and len(self.queue) < self.engine.worker_count and len(self.order) < 64:
            try:
                problem = take_in(next(self.problems))
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
                self._put(Chunk(problem, [int(i) for i in indices], list(range(m))))

    def _idle(self) -> int:
        """How many workers have nothing to do: a problem is shared among them."""
        return self.engine.worker_count - len(self.busy) - len(self.queue)

    def _put(self, chunk: Chunk) -> None:
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

    def _take_row(self, chunk: Chunk, position: int, blob: bytes) -> None:
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

    def _finish(self, chunk: Chunk, header: dict[str, Any], worker: Worker) -> None:
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
                    self._put(Chunk(chunk.problem, [i], suspects, alone=True))

    def _again(self, chunk: Chunk) -> None:
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
