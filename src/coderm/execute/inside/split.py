"""Split mode: the judge runs the tests here, the candidate answers calls from a process that never saw them.

    job ── nursery (forked before the tests are read) ── candidate's process
     └──── judge's cell: tests, expected values, verdicts; talks to the candidate through a `Seat`
"""

from __future__ import annotations

import contextvars
import functools
import os
import socket
import sys
import time
import types
from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from . import board as boards
from . import named
from .candidate import nursery
from .cell import CRASH, ERROR, FAIL, MEMORY, PASS, TAMPERED, TIMEOUT, judge
from .house import House
from .limits import slowed
from .remote import Remote
from .runner import Explain
from .seat import CandidateEnded, Seat
from .standin import StandIn, StandInFunction, StandInType
from .study import Study
from .talk import Ahead
from .watch import Death, Watcher

if TYPE_CHECKING:
    from .job import Job, Row

JUDGE_LIMIT_S = 5.0  # CPU time of the judge's own work on one pair, or the candidate's limit where that is longer;
# for a candidate whose answers it hangs on again and again it is cut as that one's own limit is
_MODULE_NAMES = {name.partition(".")[0] for name in named.MODULES} | set(
    "np pd pandas pytest mock contextlib copy io os sys time".split())
_NOTHING_SAID = boards.Record(boards.DONE, TAMPERED, 0, 0, 0, 0)
_now = time.monotonic


class Work(NamedTuple):
    """What is missing of one candidate's row: its text, the places and tests of the pairs, its timeouts so far."""

    text: str
    pairs: list[tuple[int, Study]]
    timeouts: int


class Nursery:
    """The process that candidates are forked from; made before the job reads any test."""

    def __init__(self, memory: int, processes: int | None, channel: Any) -> None:
        self.control, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                channel.close()
                self.control.close()
                nursery(theirs, memory, processes)
            finally:
                os._exit(1)
        theirs.close()

    def close(self) -> None:
        """End every candidate, then the nursery."""
        self.control.send(b"e")
        self.control.recv(1)
        self.control.close()
        os.waitpid(self.pid, 0)


def run_split(job: Job, home: Nursery, texts: list[str], rows: list[Row]) -> None:
    """Run what is missing of the rows, starting a new judge behind every test that killed one.

    Where a test may run the candidate's text, its pair comes last, with a judge of its own that decides nothing else,
    and what that says rests on the candidate's word.
    """
    def run(waiting: list[tuple[Row, list[int]]]) -> None:
        patience = 1.0 if job.paper else slowed(waiting[0][0].timeouts)
        if patience < 1.0:
            waiting = waiting[:1]
        work = [Work(texts[row.solution], [(job.place(row, j), job.tests[j]) for j in tests], row.timeouts)
                for row, tests in waiting]
        death = watch(job, home, functools.partial(_become_judge, job, home, work), work[-1].pairs[-1][0], patience)
        header = job.board.read_header()
        job.hear([row for row, _ in waiting])
        for row, tests in waiting:
            row.accept(job.take(row, tests), careful=True)
        struck = next(((row, j) for row, tests in waiting for j in tests if j not in row.records), None)
        if header.finished or struck is None:
            return
        began = header.current != boards.IDLE
        if not began or job.board.read(header.current).state != boards.DONE:  # else it died behind a failure
            struck[0].strike(struck[1], job.fate(death, hang_in_load=False), slowed=patience < 1.0)

    while waiting := [(row, tests) for row in rows
                      if (tests := [j for j in row.missing() if not job.tests[j].evaluates])]:
        run(waiting)
    for row in rows:
        for j in row.missing():
            run([(row, [j])])
            known = row.records.get(j, _NOTHING_SAID)
            row.records[j] = known._replace(flags=known.flags | boards.SELF_JUDGED)


def watch(job: Job, home: Nursery, work: Callable[[], object], last: int, patience: float = 1.0) -> Death:
    """Fork a judge, whose last pair has that place, and see it through to its end."""
    limit = max(JUDGE_LIMIT_S, job.limit) * patience
    watcher = Watcher(job.board, job.memory_limit, 3 * job.wall_limit + limit, keep=home.pid)
    job.board.clear()
    return watcher.run(work, limit, last)


def narrate(job: Job, home: Nursery, text: str, explain: Explain) -> str:
    """In a judge's process: judge the first pair and tell what decided it. What the candidate was ended for, or ""."""
    seat = _seat(job, home)
    _Judge(job, seat, explain).row(Work(text, [(0, job.tests[0])], 0))
    return seat.cause


def _become_judge(job: Job, home: Nursery, work: list[Work]) -> None:
    job.channel.close()
    _Judge(job, _seat(job, home)).run(work)


def _seat(job: Job, home: Nursery) -> Seat:
    return Seat(home.control, home.pid, job.memory_limit, job.limit, job.wall_limit, wall_clock=job.paper)


class _Judge:
    """The judge's process."""

    def __init__(self, job: Job, seat: Seat, explain: Explain | None = None) -> None:
        self._paper, self._witness, self._explain = job.paper, job.witness if explain is None else None, explain
        self._board, self._guard, self._seat, self._limit = job.board, job.guard, seat, job.limit
        seat.renew()  # first: its descriptor is one of those that the house finds
        self._house, self._ahead = House(), Ahead(seat)
        self._context = contextvars.copy_context()
        self._twins: dict[str, list[tuple[int, Study]]] = {}
        self._was_plain = True

    def run(self, work: list[Work]) -> NoReturn:
        """Judge row after row; never returns."""
        for row in work:
            if not self.row(row):
                break
        self._seat.dismiss()
        self._board.finish(clean=True)
        os._exit(0)

    def row(self, row: Work) -> bool:
        """One candidate on its tests. False where the judge cannot go on in this process."""
        seat = self._seat
        try:
            plain, digest = self._compile(row.text)
            if digest in self._twins:
                self._copy(self._twins[digest], row.pairs)
                return True
            reply = self._load()
            if reply[0] != "names":
                if self._explain is not None and reply[0] == "raised":
                    talk = self._ahead.talk(row.pairs[0][1], self._limit)
                    self._explain(Remote(talk, frozenset()).exception(reply[1]))
                return self._all(row, MEMORY if _is_memory_error(reply) else ERROR)
            names = dict(reply[1])
        except CandidateEnded as end:
            return self._all(row, end.verdict)
        except Exception:  # an answer of another shape than asked for
            return self._all(row, ERROR)
        timeouts = row.timeouts
        self._ahead.meet(may=plain and not self._paper)
        for number, (place, test) in enumerate(row.pairs):
            limit = self._limit if self._paper else self._limit * slowed(timeouts)
            self._board.begin(place, _now(), 0)
            self._ahead.ask(row.pairs, number, limit)
            verdict = self._pair(place, test, names, limit)
            if seat.shared and verdict in (CRASH, MEMORY, TIMEOUT) and (test.reach.plain or self._house.tidy()):
                self._board.forget(place)  # others left something, maybe: it counts what happens in a new process
                seat.dismiss()
                self._ahead.meet(may=False)
                verdict = self._pair(place, test, names, limit)
            timeouts += verdict == TIMEOUT
            if test.reach.marks or (not (plain and test.reach.plain)
                                    and not (self._house.tidy() and self._guard.quick())):  # the test left something
                return False
        if not self._twins.get(digest):
            self._twins[digest] = row.pairs
        return True

    def _compile(self, text: str) -> tuple[bool, str]:
        """Have the candidate's text compiled, in a process that it shares with none but plain ones."""
        seat = self._seat
        if not self._was_plain:
            seat.dismiss()
            self._house.empty_scratch()  # what it had started wrote until now
        reply = seat.set_up(["compile", text])
        if reply[0] == "ok" and not reply[1] and seat.used:
            seat.dismiss()
            reply = seat.set_up(["compile", text])
        self._was_plain = reply[0] != "ok" or bool(reply[1])  # what does not compile leaves nothing behind
        if reply[0] != "ok":
            raise CandidateEnded(ERROR)
        return bool(reply[1]), str(reply[2])

    def _load(self) -> list[Any]:
        """Have the candidate's text executed. What ends it in a process that others have used is not the last word."""
        seat = self._seat
        shared = seat.shared
        try:
            seat.begin(self._limit)
            reply = seat.ask(["load"])
            if reply[0] == "again":
                seat.again()
                reply = seat.ask(["load"])
            if not (shared and _is_memory_error(reply)):
                return reply
        except CandidateEnded:
            if not shared:
                raise
        seat.dismiss()
        return self._load()

    def _pair(self, place: int, test: Study, names: dict[str, Any], limit: float) -> int:
        cases = passed = 0
        talk = self._ahead.talk(test, limit)
        classes = frozenset(name for name, kind in names.items() if kind and kind[0] == "class")
        remote = Remote(talk, classes & test.shows)
        if self._witness is not None:
            self._witness.place = place
        if test.reach.random:
            self._house.seed()
        try:
            if self._paper:
                talk.begin()  # wall time counts from here
            verdict, cases, passed = self._context.copy().run(self._judge, remote, test, names)
            if verdict == PASS and remote.kept_back:
                verdict, passed = FAIL, 0
                if self._explain is not None:
                    self._explain(remote.kept_back[0])
        except CandidateEnded as end:
            verdict = end.verdict
        except Exception as error:  # a name that is not what it was said to be
            verdict = ERROR
            if self._explain is not None:
                self._explain(error)
        spent, decided = talk.end()
        if decided is not None:  # whatever the test made of that
            verdict = decided
        elif verdict == PASS and test.evaluates and not self._guard.deep():  # else no text of the candidate's ran here
            verdict = TAMPERED
        if not remote.has_lent_functions:
            self._ahead.learn(test, talk.said)
        flags = (boards.SELF_JUDGED if remote.self_judged else 0) | (boards.SLOWED if limit < self._limit else 0)
        self._board.write(place, verdict, flags, cases, passed, spent // 1000)
        return verdict if self._witness is None else self._board.read(place).verdict

    def _judge(self, remote: Remote, test: Study, names: dict[str, Any]) -> tuple[int, int, int]:
        module = types.ModuleType("solution")
        sys.modules["solution"] = module
        values = {}
        for name, kind in names.items():
            if kind is None or not (test.whole or name in test.reads or name in test.imports) or name.startswith("__"):
                continue
            means_module = name in test.opens and name in _MODULE_NAMES  # it may lean on the solution's `import math`
            is_value = kind[0] == "value"
            thing = None if is_value and not means_module else remote.name(name, kind)
            is_own = isinstance(thing, StandIn | StandInFunction | StandInType)
            if means_module and is_own:
                continue  # no code of the solution's by that name, which would learn the expected value
            if is_value:  # read afresh whenever the test asks
                values[name] = kind
                continue
            if name in named.HELPERS and test.reads & names.keys() - named.HELPERS.keys() \
                    and not named.is_librarys(name, thing):
                remote.self_judged = True  # a helper that the test takes for the library's
            setattr(module, name, thing)
            if isinstance(thing, types.ModuleType):
                if means_module and thing.__name__ not in (name, "numpy" if name == "np" else name):
                    remote.self_judged = True
                self._house.seed()  # it may be `random`, and the test need not name it
        if not values:
            return judge(module.__dict__, test, self._witness, self._explain)

        def read(name: str) -> Any:
            if name in values:
                value = remote.name(name, values[name])
                if name in named.CONSTANTS and repr(value) != repr(named.CONSTANTS[name]):
                    remote.self_judged = True
                return value
            raise AttributeError(name)

        namespace = _Names(values.keys() - test.builtin_reads, read)
        namespace.update({name: thing for name, thing in vars(module).items() if name not in test.builtin_reads})
        module.__getattr__ = read  # type: ignore[method-assign]
        return judge(namespace, test, self._witness, self._explain)

    def _all(self, row: Work, verdict: int) -> bool:
        for place, _ in row.pairs:
            self._board.write(place, verdict, 0, 0, 0, self._seat.spent_ns() // 1000)
        return True

    def _copy(self, source: list[tuple[int, Study]], target: list[tuple[int, Study]]) -> None:
        """A candidate that does the same as an earlier one: its verdicts are that one's."""
        known = {id(test): place for place, test in source}
        for place, test in target:
            record = self._board.read(known[id(test)])
            self._board.write(place, *record[1:])


class _Names(dict[str, Any]):
    """The globals of a test whose solution has global values: each is asked for whenever the test reads it."""

    def __init__(self, values: Container[str], read: Callable[[str], Any]) -> None:
        super().__init__()
        self._values, self._read = values, read

    def __missing__(self, name: str) -> Any:
        if name in self._values:
            return self._read(name)
        raise KeyError(name)


def _is_memory_error(reply: list[Any]) -> bool:
    return bool(reply[0] == "raised" and reply[1][1] == "MemoryError")

