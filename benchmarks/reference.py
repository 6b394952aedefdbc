"""Two yardsticks for the engine, both without any isolation: only for recorded data that is known to be harmless.

`process_per_pair` is the released code's way (Ma et al. 2025): one process a pair, solution text and test text in
one namespace, a wall limit that includes loading. `in_process` is the limit to approach: one process, every text
compiled once, a fresh namespace per pair, methods run up to the first failure, nothing formatted.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import time
import types
import unittest
from typing import Any


def process_per_pair(pairs: list[tuple[str, str]], time_limit: float, workers: int = 1) -> list[bool]:
    """Whether each pair passes; `workers` processes side by side."""
    context = multiprocessing.get_context("fork")
    passed = [False] * len(pairs)
    running: list[tuple[int, Any, Any, float]] = []
    waiting = list(enumerate(pairs))[::-1]
    while waiting or running:
        while waiting and len(running) < workers:
            index, pair = waiting.pop()
            receive, send = context.Pipe(duplex=False)
            process = context.Process(target=_one, args=(*pair, send, time_limit))
            process.start()
            send.close()
            running.append((index, process, receive, time.monotonic()))
        still = []
        for index, process, receive, started in running:
            if receive.poll(0.0005):
                try:
                    passed[index] = receive.recv()
                except EOFError:
                    passed[index] = False
                process.kill()
                process.join()
                receive.close()
            elif time.monotonic() - started > time_limit + 1:
                process.kill()
                process.join()
                receive.close()
            else:
                still.append((index, process, receive, started))
        running = still
    return passed


def _one(solution: str, test: str, send: Any, time_limit: float) -> None:
    import os

    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    signal.setitimer(signal.ITIMER_REAL, time_limit)  # its default action ends the process
    send.send(_passes(compile_quietly(solution + "\n\n" + test)))
    os._exit(0)


def _passes(code: types.CodeType | None) -> bool:
    if code is None:
        return False
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    try:
        exec(code, module.__dict__)
        classes = [v for v in module.__dict__.values() if isinstance(v, type) and issubclass(v, unittest.TestCase)
                   and v.__module__ == "solution"]
        return bool(classes) and all(_run_class(c) for c in classes)
    except BaseException:
        return False


def _run_class(cls: type[unittest.TestCase]) -> bool:
    result = unittest.TestResult()
    result.failfast = True
    unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(result)
    return result.wasSuccessful()


class Quiet(unittest.TestResult):
    """A result that formats nothing and stops at the first problem."""

    def _problem(self, *_: Any) -> None:
        self.failed = True
        self.stop()

    failed = False
    addError = addFailure = addUnexpectedSuccess = _problem

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self._problem()


class _OutOfTime(BaseException):
    """Raised by the timer, in process, where nothing malicious catches it."""


def in_process(solutions: list[str], tests: list[str], time_limit: float) -> list[list[bool]]:
    """Whether each solution passes each test; each text compiled once, a fresh namespace a pair."""

    def ring(*_: Any) -> None:
        raise _OutOfTime

    signal.signal(signal.SIGPROF, ring)
    compiled = [compile_quietly(t) for t in tests]
    rows = []
    for solution in solutions:
        code = compile_quietly(solution)
        row = []
        for test in compiled:
            signal.setitimer(signal.ITIMER_PROF, time_limit)
            try:
                row.append(code is not None and test is not None and _pair(code, test))
            except _OutOfTime:
                row.append(False)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
        rows.append(row)
    return rows


def _pair(code: types.CodeType, test: types.CodeType) -> bool:
    namespace: dict[str, Any] = {"__name__": "solution"}
    try:
        exec(code, namespace)
        exec(test, namespace)
        for cls in [v for v in namespace.values() if isinstance(v, type) and issubclass(v, unittest.TestCase)
                    and v is not unittest.TestCase]:
            for name in sorted(n for n in vars(cls) if n.startswith("test")):
                result = Quiet()
                cls(name).run(result)
                if result.failed:
                    return False
    except _OutOfTime:
        raise
    except BaseException:
        return False
    return True


def compile_quietly(text: str) -> types.CodeType | None:
    """The compiled text, or None where it does not compile."""
    try:
        return compile(text, "<pair>", "exec", dont_inherit=True)
    except Exception:
        return None
