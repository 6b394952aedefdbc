"""A cell: one process that runs one candidate solution against many unit tests, then dies.

Every pair starts from a fresh namespace in which the compiled solution is executed again. The CPU limit is a
kernel timer whose signal keeps its default action, so nothing the candidate does in Python can catch it: the
process dies and its watcher (`job`) goes on with a new cell behind the pair that hung.
"""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]
import _thread
import contextvars
import gc
import os
import random
import shutil
import signal
import sys
import time
import types
import unittest
import warnings
from pathlib import Path
from types import CodeType
from typing import Any, NoReturn

from . import board as boards
from .board import Board
from .runner import Explain, Outcome, run_classes
from .study import MARK, Study
from .tamper import Guard

TEST_ERROR, VACUOUS, TAMPERED, CRASH, MEMORY, TIMEOUT, ERROR, FAIL, PASS = range(1, 10)

# Emptied after every pair that wrote there. Only what the jail mounted for this purpose, or what the degraded mode
# made: never a folder of the machine's own.
SCRATCH = tuple(os.environ["CODERM_SCRATCH"].split(":"))
_WATCHED_SIGNALS = tuple(map(int, (signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGTERM, signal.SIGINT,
                                   signal.SIGUSR1, signal.SIGVTALRM, signal.SIGCHLD)))
_cpu_ns, _now, _exit, _waitpid = time.process_time_ns, time.monotonic, os._exit, os.waitpid


class Solution:
    """A candidate's compiled text, or the error that compiling it gave."""

    def __init__(self, code: CodeType | None, error: str | None, uses_random: bool) -> None:
        self.code, self.error, self.uses_random = code, error, uses_random


class Cell:
    """The state of one cell process; made after the fork, used until it dies."""

    def __init__(self, board: Board, guard: Guard, limit: float, wall_clock: bool) -> None:
        self.board, self.guard, self.limit = board, guard, limit
        self.timer = signal.ITIMER_REAL if wall_clock else signal.ITIMER_PROF
        self.wall_clock = wall_clock
        self.house = _House()
        self.context = contextvars.copy_context()

    def run(self, solution: Solution, tests: list[Study], order: list[int], careful: bool) -> NoReturn:
        """Run the tests of `order`, writing each outcome on the board; never returns.

        With `careful` the deep tamper check follows every pair instead of standing at the end.
        """
        board, limit_ns = self.board, int(self.limit * 1e9)
        for j in order:
            started = _now()
            before = _cpu_ns()
            board.header(j, started, before)
            board.write(j, boards.STARTED, 0, 0, 0, 0, 0)
            signal.setitimer(self.timer, self.limit)
            verdict, flags, cases, passed = self.context.copy().run(self._pair, solution, tests[j])
            if verdict == PASS or careful:
                if not (self.guard.deep() if careful else self.guard.quick()):
                    verdict = TAMPERED
            spent = _cpu_ns() - before
            if (_now() - started if self.wall_clock else spent / 1e9) * 1e9 > limit_ns:
                verdict = TIMEOUT
            board.write(j, boards.DONE, verdict, flags, min(cases, 65535), min(passed, 65535), spent // 1000)
            board.header(boards.IDLE, _now(), _cpu_ns())
            if verdict == TAMPERED or not self.house.tidy():
                break
        signal.setitimer(self.timer, 0)
        clean = self.guard.deep()
        board.header(boards.IDLE, _now(), _cpu_ns(), finished=1, clean=int(clean))
        _exit(0)

    def _pair(self, solution: Solution, test: Study) -> tuple[int, int, int, int]:
        """(verdict, flags, test cases run, test cases passed) of one pair."""
        if solution.uses_random or "random" in test.reads:
            self.house.seed()
        namespace = load_solution(solution)
        if isinstance(namespace, int):
            return namespace, 0, 0, 0
        self.board.loaded()
        outcome = judge(namespace, test)
        namespace.clear()
        return outcome


def load_solution(solution: Solution, explain: Explain | None = None) -> dict[str, Any] | int:
    """Execute the solution in a fresh module; its namespace, or the verdict where that failed."""
    if solution.code is None:
        return ERROR
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    namespace = module.__dict__
    try:
        exec(solution.code, namespace)
    except BaseException as error:  # SystemExit, KeyboardInterrupt and what the candidate derives from BaseException
        if explain is not None:
            explain(error)
        return MEMORY if isinstance(error, MemoryError) else ERROR
    return namespace


def judge(namespace: dict[str, Any], test: Study, explain: Explain | None = None) -> tuple[int, int, int, int]:
    """Load the test into the solution's namespace and run its classes: (verdict, flags, run, passed)."""
    shadowed = test.builtin_reads & namespace.keys()
    if shadowed and test.reads & namespace.keys() - shadowed:
        # a candidate's own `len` is not what the test means by it, unless it is what the test is about
        namespace = {k: v for k, v in namespace.items() if k not in shadowed}
    asserted: list[None] = []
    if test.marked:
        namespace[MARK] = lambda: asserted.append(None)
    assert test.code is not None
    try:
        exec(test.code, namespace)
        classes = [namespace[name] for name in test.classes]
        classes = [c for c in classes if isinstance(c, type) and issubclass(c, unittest.TestCase)]
    except BaseException as error:
        if explain is not None:
            explain(error)
        return MEMORY if isinstance(error, MemoryError) else ERROR, 0, 0, 0
    result = run_classes(classes, plain=test.plain, may_skip=test.may_skip, explain=explain)
    verdict = _VERDICTS[result.outcome]
    if verdict == PASS and test.marked and not asserted:
        verdict = VACUOUS
    return verdict, 0, result.cases, result.passed


_VERDICTS = {Outcome.PASS: PASS, Outcome.FAIL: FAIL, Outcome.ERROR: ERROR, Outcome.MEMORY: MEMORY,
             Outcome.NOTHING: VACUOUS}


class _House:
    """What one pair may not leave behind for the next, as it was before the first."""

    def __init__(self) -> None:
        self._cwd = os.getcwd()
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._environ = dict(os.environ._data)  # type: ignore[attr-defined]  # bytes: compared without decoding
        self._path = list(sys.path)
        self._modules = frozenset(sys.modules) | {"solution"}
        self._module_count = len(sys.modules)
        self._filters = list(warnings.filters)
        self._recursion = sys.getrecursionlimit()
        self._locale = _locale.setlocale(_locale.LC_ALL)
        self._random = random.getstate()
        self._handlers = list(map(_signal.getsignal, _WATCHED_SIGNALS))
        self._scratch = [(path, self._stamp(path)) for path in SCRATCH]
        self._lowest_free_fd = self._free_fd()
        gc.set_threshold(20_000, 20, 20)

    @staticmethod
    def _stamp(path: str) -> tuple[int, int]:
        status = os.stat(path)
        return status.st_mtime_ns, status.st_nlink

    @staticmethod
    def _free_fd() -> int:
        fd = os.dup(0)
        os.close(fd)
        return fd

    def seed(self) -> None:
        """Give every pair the same random numbers, numpy's included."""
        random.setstate(self._random)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed(0)

    def tidy(self) -> bool:
        """Put everything back; False where only a new process can (threads, children, handlers, descriptors)."""
        try:
            return self._tidy()
        except BaseException:  # whatever the candidate broke here, a new process has not got
            return False

    def _tidy(self) -> bool:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        os.chdir(self._cwd)
        sys.setrecursionlimit(self._recursion)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if os.environ._data != self._environ:  # type: ignore[attr-defined]
            os.environ._data.clear()  # type: ignore[attr-defined]
            os.environ._data.update(self._environ)  # type: ignore[attr-defined]
        if sys.path != self._path:
            sys.path[:] = self._path
        if warnings.filters != self._filters:
            warnings.resetwarnings()
            warnings.filters[:] = self._filters  # type: ignore[index]
        if _locale.setlocale(_locale.LC_ALL) != self._locale:
            _locale.setlocale(_locale.LC_ALL, self._locale)
        if len(sys.modules) != self._module_count:
            for name in sys.modules.keys() - self._modules:
                if not _is_installed(sys.modules[name]):
                    del sys.modules[name]
            self._module_count = len(sys.modules)
        for path, stamp in self._scratch:
            if self._stamp(path) != stamp:
                _empty(path)
                self._scratch = [(p, self._stamp(p)) for p in SCRATCH]
        return (
            _thread._count() == 0
            and not _has_children()
            and self._free_fd() == self._lowest_free_fd
            and not _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
            and list(map(_signal.getsignal, _WATCHED_SIGNALS)) == self._handlers
        )


def _has_children() -> bool:
    try:
        _waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _is_installed(module: Any) -> bool:
    """Whether a module newly in sys.modules came from the interpreter's own folders."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return origin in ("built-in", "frozen") or (
        isinstance(origin, str) and not any(origin.startswith(scratch) for scratch in SCRATCH))


def _empty(folder: str) -> None:
    for entry in Path(folder).iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink()
