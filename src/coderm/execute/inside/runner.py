"""Runs the test cases of a unit test's classes up to the first that does not hold, formatting nothing.

The quick way calls setUp, the method and tearDown as unittest does for a class that has nothing else; every
other class (fixtures, async, skips, subclasses of subclasses) goes through unittest itself.
"""

from __future__ import annotations

import enum
import unittest
from builtins import BaseException, callable, enumerate, getattr, isinstance, len, sorted, type, vars  # noqa: UP029
from collections.abc import Callable
from typing import Any, NamedTuple


class Outcome(enum.Enum):
    """How a unit test ended; NOTHING means that no test case ran to an end of its own."""

    PASS = enum.auto()
    FAIL = enum.auto()
    ERROR = enum.auto()
    MEMORY = enum.auto()
    NOTHING = enum.auto()


class Result(NamedTuple):
    """Outcome, and the number of test cases that ran and that held."""

    outcome: Outcome
    cases: int
    passed: int


Explain = Callable[[BaseException], None]


def run_classes(classes: list[type], *, simple: bool, may_skip: bool, explain: Explain | None, go_on: bool) -> Result:
    """Run the test cases of the classes up to the first that does not hold, or with `go_on` all of them.

    The first problem is the outcome. A class without test methods passes; vacuity is decided elsewhere.
    """
    cases = passed = skipped = 0
    outcome = Outcome.PASS
    for cls in classes:
        if simple and not may_skip and cls.__bases__ == (unittest.TestCase,) and type(cls) is type:
            result = _run_simple(cls, explain, go_on)
        else:
            watcher = _Watcher(may_skip, explain, go_on)
            _through_unittest(cls, watcher)
            result = Result(watcher.outcome, watcher.testsRun, watcher.held)
            skipped += watcher.skips
        cases += result.cases
        passed += result.passed
        if outcome is Outcome.PASS:
            outcome = result.outcome
        if outcome is not Outcome.PASS and not go_on:
            break
    if outcome is Outcome.PASS and skipped and not passed:
        outcome = Outcome.NOTHING
    return Result(outcome, cases, passed)


def _run_simple(cls: type, explain: Explain | None, go_on: bool) -> Result:
    names = sorted(name for name, value in vars(cls).items() if name.startswith("test") and callable(value))
    set_up, tear_down = "setUp" in vars(cls), "tearDown" in vars(cls)
    outcome, held = Outcome.PASS, 0
    for number, name in enumerate(names, 1):
        try:
            case = cls(name)
            if set_up:
                case.setUp()
            try:
                getattr(case, name)()
            finally:
                if tear_down:
                    case.tearDown()
                if case._cleanups:
                    case.doCleanups()
        except BaseException as error:  # SystemExit and the like end the pair, not the cell
            if outcome is Outcome.PASS:
                outcome = _outcome_of(error)
                if explain is not None:
                    explain(error)
            if not go_on:
                return Result(outcome, number, held)
        else:
            held += 1
    return Result(outcome, len(names), held)


def _outcome_of(error: BaseException) -> Outcome:
    if isinstance(error, AssertionError):
        return Outcome.FAIL
    return Outcome.MEMORY if isinstance(error, MemoryError) else Outcome.ERROR


def _through_unittest(cls: Any, watcher: _Watcher) -> None:
    try:
        unittest.defaultTestLoader.loadTestsFromTestCase(cls).run(watcher)
    except BaseException as error:  # unittest lets KeyboardInterrupt and SystemExit through
        watcher.note(error)


class _Watcher(unittest.TestResult):
    """A result that stops at the first problem and formats nothing."""

    def __init__(self, may_skip: bool, explain: Explain | None, go_on: bool) -> None:
        super().__init__()
        self.outcome = Outcome.PASS
        self.held = self.skips = 0
        self._may_skip, self._explain, self._go_on = may_skip, explain, go_on

    def note(self, error: BaseException) -> None:
        if self.outcome is Outcome.PASS:
            self.outcome = _outcome_of(error)
            if self._explain is not None:
                self._explain(error)
        if not self._go_on:
            self.stop()

    def addSuccess(self, test: Any) -> None:
        self.held += 1

    def addError(self, test: Any, err: Any) -> None:
        self.note(err[1])

    def addFailure(self, test: Any, err: Any) -> None:
        self.note(err[1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.note(err[1])

    def addSkip(self, test: Any, reason: str) -> None:
        self.skips += 1
        if not self._may_skip:  # the test does not skip, so the candidate raised SkipTest
            self.note(unittest.SkipTest(reason))

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.skips += 1

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.note(AssertionError("unexpected success"))
