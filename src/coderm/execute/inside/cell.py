"""A cell: a process that runs candidate solutions against unit tests, then dies.

Every pair starts from a fresh namespace in which the compiled solution is executed again. Limits are the watcher's
business (`watch.py`): a cell that exceeds them is killed, so nothing a candidate does can catch that, and a new cell
goes on behind the pair that did it.
"""

from __future__ import annotations

import builtins
import contextvars
import os
import signal
import sys
import time
import types
import unittest
from builtins import BaseException, dict, int, isinstance, issubclass, type  # noqa: UP029  # not a candidate's
from types import CodeType
from typing import Any, NamedTuple, NoReturn

from .board import Board
from .house import House
from .limits import children_ns
from .reach import Reach
from .runner import Explain, Outcome, Result, run_classes
from .study import MARK, WATCH, Study
from .tamper import Guard
from .witness import Witness

NOT_RUN, TEST_ERROR, VACUOUS, TAMPERED, CRASH, MEMORY, TIMEOUT, ERROR, FAIL, PASS = range(10)
_VERDICTS = {Outcome.PASS: PASS, Outcome.FAIL: FAIL, Outcome.ERROR: ERROR, Outcome.MEMORY: MEMORY,
             Outcome.TAMPERED: TAMPERED, Outcome.NOTHING: VACUOUS}
_BUILTINS = vars(builtins)
_CHECKED_NS = 40_000_000  # CPU time of rows that may have to run again where a cell is killed
_cpu_ns, _now, _exit = time.process_time_ns, time.monotonic, os._exit


class Solution(NamedTuple):
    """A candidate's compiled text, or the error that compiling it gave."""

    code: CodeType | None
    error: str | None = None
    reach: Reach = Reach(False, True)


class Pair(NamedTuple):
    """A pair to run and the place of its record on the board."""

    place: int
    solution: Solution
    test: Study


class Cell:
    """The state of one cell process; made after the fork, used until it dies."""

    def __init__(self, board: Board, guard: Guard, limit: float, wall_clock: bool, witness: Witness | None) -> None:
        self.witness = witness
        self.board, self.guard, self.limit, self.wall_clock = board, guard, limit, wall_clock
        self.house = House()
        self.context = contextvars.copy_context()

    def run(self, pairs: list[Pair], careful: bool) -> NoReturn:
        """Run the pairs, writing each outcome on the board; never returns.

        With `careful` the deep tamper check follows every pair instead of standing at the end. A pair's time is this
        process's and that of the children which it has waited for.
        """
        limit_ns = int(self.limit * 1e9)
        before, children = _cpu_ns(), children_ns()
        for place, solution, test in pairs:
            started = _now()
            self.board.begin(place, started, before)
            if self.wall_clock:
                signal.setitimer(signal.ITIMER_REAL, self.limit)  # its signal keeps its default action: death
            verdict, cases, passed = self.context.copy().run(self._pair, place, solution, test)
            if (verdict == PASS or careful) and not (self.guard.deep() if careful else self.guard.quick()):
                verdict = TAMPERED
            spent = _cpu_ns() - before + children_ns() - children
            if (_now() - started) * 1e9 > limit_ns if self.wall_clock else spent > limit_ns:
                verdict = TIMEOUT
            self.board.write(place, verdict, 0, cases, passed, spent // 1000)
            if verdict in (TAMPERED, TIMEOUT) or solution.reach.marks or test.reach.marks or not self.house.tidy():
                break
            before, children = _cpu_ns(), children_ns()
        self._end(clean=self.guard.deep())

    def run_plain(self, rows: list[list[Pair]]) -> NoReturn:
        """Run plain candidates (see `reach.py`), a row each; never returns.

        A plain candidate on a plain test leaves nothing behind but random numbers, so nothing is put back; that nothing
        was changed is checked behind every row, and in depth now and then, all the same: only rows behind which it was
        are verified. Behind a test that is not plain everything is put back, and where that fails the cell ends with
        this row unverified. So does it where a row took too long: garbage of those before it may have cost that time.
        """
        limit_ns = int(self.limit * 1e9)
        begin, write, clock, now, run = self.board.begin, self.board.write, _cpu_ns, _now, self._pair
        before = checked = clock()
        for number, row in enumerate(rows, 1):
            tidy = True
            for place, solution, test in row:
                begin(place, now(), before)
                if test.reach.plain:
                    verdict, cases, passed = run(place, solution, test)
                else:
                    verdict, cases, passed = self.context.copy().run(run, place, solution, test)
                after = clock()
                spent, before = after - before, after
                write(place, TIMEOUT if spent > limit_ns else verdict, 0, cases, passed, spent // 1000)
                if spent > limit_ns:  # in a cell of its own its further timeouts are bounded
                    tidy = False
                    break
                if not test.reach.plain:
                    tidy = tidy and self.house.tidy()
                    before = clock()
            if not tidy:
                if self.guard.deep():
                    self.board.verify(number - 1)
                break
            in_depth = number == len(rows) or clock() - checked > _CHECKED_NS
            if not (self.guard.deep() if in_depth else self.guard.quick()):
                break
            if in_depth:
                self.board.verify(number)
                checked = clock()
            self.house.forget()
            self.house.reclaim()
            before = clock()
        self._end(clean=True)  # what was not is not verified

    def _end(self, clean: bool) -> NoReturn:
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.board.finish(clean)
        _exit(0)

    def _pair(self, place: int, solution: Solution, test: Study) -> tuple[int, int, int]:
        """(verdict, test cases run, test cases passed) of one pair."""
        if solution.reach.random or test.reach.random:
            self.house.seed()
        namespace = load_solution(solution)
        if isinstance(namespace, int):
            return namespace, 0, 0
        self.board.loaded()
        if self.witness is not None:
            self.witness.place = place
        verdict, cases, passed = judge(namespace, test, self.witness, closely=not solution.reach.plain)
        if namespace.get("__builtins__") is not _BUILTINS:  # what the test's functions call
            verdict = TAMPERED
        namespace.clear()
        return verdict, cases, passed


def load_solution(solution: Solution, explain: Explain | None = None) -> dict[str, Any] | int:
    """Execute the solution in a fresh module; its namespace, or the verdict where that failed."""
    assert solution.code is not None
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    namespace = module.__dict__
    try:
        exec(solution.code, namespace)
    except BaseException as error:  # SystemExit, KeyboardInterrupt and what the candidate derives from BaseException
        if explain is not None:
            explain(error)
        return MEMORY if isinstance(error, MemoryError) else ERROR
    return namespace if namespace.get("__builtins__") is _BUILTINS else TAMPERED


def judge(namespace: dict[str, Any], test: Study, witness: Witness | None,
          explain: Explain | None = None, *, closely: bool = False) -> tuple[int, int, int]:
    """Load the test into the solution's namespace and run its classes: (verdict, run, passed).

    `closely` watches the test's own classes, for a candidate that could find them. What the test itself has stored on
    modules is put back, so that nobody takes it for the candidate's doing.
    """
    if not test.stores:
        return _load_and_run(namespace, test, witness, explain, closely)
    kept = [(vars(module), name, vars(module)[name]) for holder, name in test.stores
            if (module := sys.modules.get(holder)) is not None and name in vars(module)]
    try:
        return _load_and_run(namespace, test, witness, explain, closely)
    finally:
        for where, name, value in kept:
            where[name] = value


def _load_and_run(namespace: dict[str, Any], test: Study, witness: Witness | None,
                  explain: Explain | None, closely: bool) -> tuple[int, int, int]:
    shadowed = test.builtin_reads & namespace.keys()
    if shadowed:
        namespace = {k: v for k, v in namespace.items() if k not in shadowed}
    if test.watched:
        namespace[WATCH] = witness.watch if witness is not None else lambda name, thing: thing
    asserted: list[None] = []
    if test.marked:
        namespace[MARK] = lambda: asserted.append(None)
    assert test.code is not None
    try:
        exec(test.code, namespace)
        classes = [namespace[name] for name in test.classes if name in namespace]
        classes = [c for c in classes if isinstance(c, type) and issubclass(c, unittest.TestCase)]
    except BaseException as error:
        if explain is not None:
            explain(error)
        return MEMORY if isinstance(error, MemoryError) else ERROR, 0, 0

    def settle(first: Result) -> None:
        assert witness is not None
        witness.settle(_VERDICTS[first.outcome], first.cases, first.passed)

    result = run_classes(classes, simple=test.simple, may_skip=test.may_skip, explain=explain,
                         settle=settle if test.watched and witness is not None else None, closely=closely)
    verdict = _VERDICTS[result.outcome]
    if verdict == PASS and ((test.must_prove and not result.passed) or (test.marked and not asserted)):
        verdict = VACUOUS
    return verdict, result.cases, result.passed
