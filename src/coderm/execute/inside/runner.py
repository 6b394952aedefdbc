"""Runs the test cases of a unit test's classes up to the first that does not hold, formatting nothing.

The quick way calls setUp and the method as unittest does for a class that has nothing else; every other class
(fixtures, cleanups, async, skips, subclasses of subclasses) goes through unittest itself.
"""

from __future__ import annotations

import difflib
import enum
import pprint
import unittest
import unittest.case
from builtins import BaseException, callable, getattr, isinstance, len, sorted, type, vars  # noqa: UP029
from collections.abc import Callable
from typing import Any, NamedTuple

from .tamper import TestCases, overrides


class Outcome(enum.Enum):
    """How a unit test ended; TAMPERED means that its classes were changed under it, NOTHING that no test case ran to an
    end of its own."""

    PASS = enum.auto()
    FAIL = enum.auto()
    ERROR = enum.auto()
    MEMORY = enum.auto()
    TAMPERED = enum.auto()
    NOTHING = enum.auto()


class Result(NamedTuple):
    """Outcome, and the number of test cases that ran and that held."""

    outcome: Outcome
    cases: int
    passed: int


class _NoDiff:
    """What unittest takes from difflib and pprint. A class: as part of unittest the guard watches what is in it."""

    ndiff = pformat = staticmethod("".format)


def compare_nothing() -> None:
    """Have unittest leave the differences out of its messages: to find them takes seconds where answers are long.

    Before the guard's picture of unittest is taken. Nobody reads a message but who asks for an explanation.
    """
    setattr(unittest.case, "difflib", _NoDiff)  # noqa: B010  # mypy knows it as a module
    setattr(unittest.case, "pprint", _NoDiff)  # noqa: B010


def compare_again() -> None:
    """Undo `compare_nothing`."""
    setattr(unittest.case, "difflib", difflib)  # noqa: B010
    setattr(unittest.case, "pprint", pprint)  # noqa: B010


Explain = Callable[[BaseException], None]
Settle = Callable[[Result], None]


def run_classes(classes: list[type], *, simple: bool, may_skip: bool, explain: Explain | None,
                settle: Settle | None, closely: bool = False) -> Result:
    """Run the test cases of the classes up to the first that does not hold, which is the outcome.

    With `settle` they all run: it is told the result at that first problem, and nothing behind it counts. With
    `closely` a pass counts only where the classes and their instances are what the test made of them. A class without
    test methods passes; vacuity is decided elsewhere.
    """
    tally = _Tally(explain, settle, TestCases(classes) if closely else None)
    if simple and len(classes) == 1 and classes[0].__bases__ == (unittest.TestCase,) and type(classes[0]) is type:
        _run_simple(classes[0], tally)
    else:
        load = unittest.defaultTestLoader.loadTestsFromTestCase
        watcher = _Watcher(tally, may_skip)
        try:
            unittest.TestSuite(load(cls) for cls in classes).run(watcher)
        except BaseException as error:  # unittest lets KeyboardInterrupt and SystemExit through
            watcher.note(error)
    return tally.result()


class _Tally:
    """What is known of a test so far: how many cases ran, held and were skipped, and the result once it is decided."""

    def __init__(self, explain: Explain | None, settle: Settle | None, made: TestCases | None) -> None:
        self._made, self._overridden = made, False
        self.cases = self.passed = self.skipped = 0
        self.goes_on = settle is not None
        self._explain, self._settle = explain, settle
        self._decided: Result | None = None

    def note(self, error: BaseException) -> None:
        """A test case did not hold."""
        if self._decided is None:
            self._decided = Result(_outcome_of(error), self.cases, self.passed)
            if self._explain is not None:
                self._explain(error)
            if self._settle is not None:
                self._settle(self._decided)

    def held(self, case: unittest.TestCase) -> None:
        """A test case held."""
        self.passed += 1
        if self._made is not None and overrides(case):
            self._overridden = True

    def result(self) -> Result:
        if self._decided is None and self._made is not None and (self._overridden or not self._made.hold()):
            return Result(Outcome.TAMPERED, self.cases, self.passed)
        outcome = Outcome.NOTHING if self.skipped and not self.passed else Outcome.PASS
        return self._decided or Result(outcome, self.cases, self.passed)


def _run_simple(cls: type, tally: _Tally) -> None:
    names = sorted(name for name, value in vars(cls).items() if name.startswith("test") and callable(value))
    set_up = "setUp" in vars(cls)
    for name in names:
        tally.cases += 1
        try:
            case = cls(name)
            if set_up:
                case.setUp()
            getattr(case, name)()
        except BaseException as error:  # SystemExit and the like end the pair, not the cell
            tally.note(error)
            if not tally.goes_on:
                return
        else:
            tally.held(case)


def _outcome_of(error: BaseException) -> Outcome:
    if isinstance(error, AssertionError):
        return Outcome.FAIL
    return Outcome.MEMORY if isinstance(error, MemoryError) else Outcome.ERROR


class _Watcher(unittest.TestResult):
    """A result that keeps the tally, stops where it is decided, and formats nothing."""

    def __init__(self, tally: _Tally, may_skip: bool) -> None:
        super().__init__()
        self._tally, self._may_skip = tally, may_skip

    def note(self, error: BaseException) -> None:
        self._tally.note(error)
        if not self._tally.goes_on:
            self.stop()

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._tally.cases += 1

    def addSuccess(self, test: Any) -> None:
        self._tally.held(test)

    def addError(self, test: Any, err: Any) -> None:
        self.note(err[1])

    def addFailure(self, test: Any, err: Any) -> None:
        self.note(err[1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.note(err[1])

    def addSkip(self, test: Any, reason: str) -> None:
        self._tally.skipped += 1
        if not self._may_skip:  # the test does not skip, so the candidate raised SkipTest
            self.note(unittest.SkipTest(reason))

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self._tally.skipped += 1

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.note(AssertionError("unexpected success"))
