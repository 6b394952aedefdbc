"""What is said to a candidate during one pair, most of it ahead of time.

A test asks every candidate the same as long as their answers are the same, and to wake the other process for every
message costs more than the messages do. So what the tests asked earlier candidates is put to the next one in a batch,
each test's part in a fresh namespace as ever, and a pair is served from those answers while it asks just that. Where
it asks anything else, the candidate is led to the same place by the same messages, and answers for itself from there.

Only plain candidates (`reach.py`) are asked ahead, which cannot see what is to come. A batch that ends badly, or takes
too long for every pair in it to be known to keep its limit, counts for nothing: that candidate is asked live again.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from typing import Any, NamedTuple

from .cell import TIMEOUT
from .line import fingerprint
from .seat import CandidateEnded, Seat
from .study import Study

MOST_TESTS = 100  # in one batch
MOST_MESSAGES = 50  # that a test sends to be asked ahead
_MOST_BYTES = 64 * 1024  # of a test's messages
_ALL_BYTES = 4 * 1024 * 1024  # of all tests' messages; as JSON they must fit into one
_MARKING = frozenset({"set", "del", "setitem", "delitem"})  # what another candidate has of its own, this one may import
_SHARE = 0.25  # of a pair's limit that a batch may take: what is lost where one pair in it never ends


class Line(NamedTuple):
    """A message of a test's; `key` is equal for equal messages alone: 1, 1.0 and True are three.

    `answer` is the fingerprint of what the next message was made from, "" behind the last.
    """

    key: bytes
    message: list[Any]
    answer: str = ""


Answer = tuple[int, list[Any]]
"""CPU nanoseconds that the candidate took, and what it said."""


class Ahead:
    """What tests have asked so far, and what the candidate in hand has answered to that."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat
        self._scripts: dict[int, list[Line]] = {}
        self._answers: dict[int, list[Answer]] = {}
        self._may = False
        self._held = 0
        """Bytes of all scripts."""

    def meet(self, may: bool) -> None:
        """The next candidate has been loaded; whether it may be asked ahead."""
        self._may, self._answers = may, {}

    def ask(self, pairs: list[tuple[int, Study]], number: int, limit: float) -> None:
        """Have answers to what the test of that number will ask, and while at it those behind it."""
        first = id(pairs[number][1])
        if not self._may or first in self._answers or first not in self._scripts:
            return
        asked = [id(test) for _, test in pairs[number : number + MOST_TESTS] if id(test) in self._scripts]
        seat = self._seat
        seat.begin(limit * _SHARE)
        try:
            scripts = [[[line.message, line.answer] for line in self._scripts[test]] for test in asked]
            told = seat.ask(["ahead", limit * _SHARE / 2, scripts])[1]
            self._answers = {test: [(int(spent), list(answer)) for spent, answer in answers]
                             for test, answers in zip(asked, told, strict=False)}
        except (CandidateEnded, ValueError, TypeError, IndexError, MemoryError):
            self._may = False
        if seat.is_late() or first not in self._answers:
            self.meet(may=False)

    def talk(self, test: Study, limit: float) -> Talk:
        """The conversation of the pair that begins."""
        return Talk(self._seat, limit, self._scripts.get(id(test), []), self._answers.get(id(test), []))

    def learn(self, test: Study, said: list[Line] | None) -> None:
        """Keep what a pair has said, unless it broke off before others did."""
        known = self._scripts.get(id(test), [])
        if not said or not test.reach.plain or _begins(known, said):
            return
        more = _size(said) - _size(known)
        if self._held + more <= _ALL_BYTES and not any(line.message[2] in _MARKING for line in said):
            self._held += more
            self._scripts[id(test)] = said


class Talk:
    """One pair's messages to the candidate and its answers."""

    def __init__(self, seat: Seat, limit: float, script: list[Line], answers: list[Answer]) -> None:
        self._seat, self._limit, self._script, self._answers = seat, limit, script, answers
        self.said: list[Line] | None = []
        """All that was said; None once that is too long to be asked ahead, or cannot be compared."""
        self._told: list[Any] = []
        self._is_live = False
        self._spent_ns = 0

    def ask(self, message: list[Any], back: Callable[..., list[Any]]) -> list[Any]:
        """The candidate's answer; `back` serves its calls back. Raises CandidateEnded."""
        if self.said is None:
            return self._ask(message, back)
        number, line = len(self.said), Line(_key(message), message)
        if number:  # where the candidate was asked this one ahead, the last answer was the known one
            known = number < len(self._answers)
            self.said[-1] = self.said[-1]._replace(
                answer=self._script[number - 1].answer if known else fingerprint(self._told))
        self.said.append(line)
        if number < min(len(self._answers), len(self._script)) and line.key == self._script[number].key:
            spent, self._told = self._answers[number]
            self._spent_ns += spent
            return self._told
        self._answers = []
        if not self._is_live:
            self.begin()
            for earlier in self.said[:-1]:
                self._ask(earlier.message, back)
        if number >= MOST_MESSAGES or _size(self.said) > _MOST_BYTES or not line.key:
            self.said = None
        self._told = self._ask(message, back)
        return self._told

    def begin(self) -> None:
        """Talk to the candidate itself from here on; its clocks start."""
        self._is_live = True
        self._seat.begin(self._limit)

    def _ask(self, message: list[Any], back: Callable[..., list[Any]]) -> list[Any]:
        reply = self._seat.ask(message, back)
        if reply[0] == "again" and message[1]:  # only a pair's first message puts the process back
            self._seat.again()
            reply = self._seat.ask(message, back)
        return reply

    def end(self) -> tuple[int, int | None]:
        """The pair ends: CPU nanoseconds of the candidate's, and the verdict where its end decided that."""
        if not self._is_live:
            return self._spent_ns, None
        spent = self._seat.end()
        return spent, TIMEOUT if self._seat.is_late() else self._seat.ended


def _key(message: list[Any]) -> bytes:
    """b"" for a message that has none: a keyword may be a string of a class of its own."""
    try:
        return marshal.dumps(message, 2)
    except ValueError:
        return b""


def _begins(known: list[Line], said: list[Line]) -> bool:
    """Whether what is known begins with what was said; what came behind its last message is not said."""
    return len(known) >= len(said) and known[: len(said) - 1] == said[:-1] and known[len(said) - 1].key == said[-1].key


def _size(lines: list[Line]) -> int:
    return sum(len(line.key) for line in lines)
