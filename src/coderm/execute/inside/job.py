"""One job: unit tests of a problem against some of its candidates, in a process of its own.

It compiles every text once, judges the tests, and gets the pairs run in cells: plain candidates one after the other
in a shared cell, every other in a cell of its own. What a cell did not live to report is decided here. It runs no
untrusted code itself, but compiling such a text can still kill it: `compiling` tells the zygote which text that was.
"""

from __future__ import annotations

import marshal
import signal
from collections.abc import Callable
from functools import partial
from types import CodeType
from typing import Any

from . import board as boards
from . import seccomp
from .board import Board, Header, Record
from .cell import CRASH, ERROR, MEMORY, PASS, TAMPERED, TEST_ERROR, TIMEOUT, VACUOUS, Cell, Pair, Solution
from .explain import explain_pair
from .limits import children_ns, limit_resources, slowed
from .loading import load_problem, prepare
from .reach import bare, is_plain_beside, reach
from .split import Nursery, run_split
from .study import Study, study
from .tamper import Guard
from .watch import Death, Watcher
from .wire import Channel
from .witness import UNFINISHED, Witness

TEXT_ROOM = 64 * 1024
COMPILE_LIMIT_S = 5.0
EVENTS_PER_PAIR = 64  # of more calls than that by one test the later ones are not recorded
LIMIT_HIT = -1  # what a call did that had not come back when its process ended


class Job:
    """What the supervisor asked for, and the answers to it."""

    def __init__(self, request: dict[str, Any], channel: Channel, compiling: Board, base_memory: int, guard: Guard,
                 nursery: Nursery | None) -> None:
        """With a `nursery` the candidates run there (split mode) and are not even compiled here."""
        self.channel, self._compiling, self.nursery = channel, compiling, nursery
        self.limit: float = request["time_limit"]
        self.paper: bool = request["protocol"] == "paper"
        self._explain: bool = request["explain"]
        self._behaviour: bool = request["behaviour"]
        self._names = frozenset(request["names"])
        self.memory_limit: int = request["memory_limit"]
        self.wall_limit: float = request["wall_limit"]
        limit_resources(base_memory + self.memory_limit, request["processes"])
        dead = {(kind, index) for kind, index in request["dead"]}
        self.tests = [self._study(j, text, dead) for j, text in enumerate(request["unit_tests"])]
        self.texts: list[str] = request["solutions"]
        compiled_here = nursery is None or self._explain
        texts = self.texts if compiled_here else []
        self.solutions = [self._compile(i, text, dead) for i, text in enumerate(texts)]
        self.guard = guard
        guard.watch(prepare(self.tests))
        places = len(self.tests) * len(self.texts)
        self.board = Board(places, TEXT_ROOM, EVENTS_PER_PAIR if self._behaviour else 0)
        self.witness = Witness(self.board) if self._behaviour else None
        keep = None if nursery is None else nursery.pid
        self.watcher = Watcher(self.board, self.memory_limit, self.wall_limit, keep)
        seccomp.protect()  # adopting orphans is not inherited from the zygote
        seccomp.install()

    # -- compiling -----------------------------------------------------------------------------------------

    def _study(self, index: int, text: str, dead: set[tuple[str, int]]) -> Study:
        if ("unit_test", index) in dead:
            return Study(None, reason="compiling it kills the compiler", is_error=True)
        with _Compiling(self._compiling, 0, index):
            return study(text, self._names, judge_vacuity=not self.paper, behaviour=self._behaviour)

    def _compile(self, index: int, text: str, dead: set[tuple[str, int]]) -> Solution:
        if ("solution", index) in dead:
            return Solution(None, "compiling it kills the compiler")
        with _Compiling(self._compiling, 1, index):
            try:
                code = compile(text, "<solution>", "exec", dont_inherit=True)
            except Exception as error:
                return Solution(None, f"{type(error).__name__}: {str(error)[:200]}")
            return Solution(code, None, reach(code))

    # -- running -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Answer with the facts about the tests, then with a row of records per solution."""
        for j, test in enumerate(self.tests):
            if test.reason is None and test.loads_code:
                problem = load_problem(self, test, self._names)
                if problem:
                    self.tests[j] = test._replace(reason=problem, is_error=True)
        self.channel.send("tests", {"reasons": [t.reason for t in self.tests]})
        if self._explain:
            self.channel.send("explain", {"told": explain_pair(self)})
        twin_of = _twins([t.code if t.reason is None else None for t in self.tests])
        todo = [j for j, test in enumerate(self.tests) if test.reason is None and twin_of[j] == j]
        first = list(range(len(self.texts))) if self.nursery else _twins([s.code for s in self.solutions])
        rows = {i: Row(i, todo) for i in sorted(set(first))}
        if self.nursery is not None:
            run_split(self, self.nursery, self.texts, list(rows.values()))
        elif not self.paper:
            beside = [self.tests[j].reach for j in todo]
            self._run_plain([row for i, row in rows.items() if is_plain_beside(self.solutions[i].reach, beside)], todo)
        for i in range(len(self.texts)):
            if first[i] == i:
                if self.nursery is None:
                    self._run_row(rows[i])
                for j, test in enumerate(self.tests):
                    if test.reason is not None:
                        rows[i].records[j] = _decided(TEST_ERROR if test.is_error else VACUOUS)
            records = rows[first[i]].records
            blob = b"".join(boards.pack_record(records[twin_of[j]]) for j in range(len(self.tests)))
            self.channel.send("row", {"solution": i}, blob)
            if self._behaviour:
                self._send_behaviour(i, rows[first[i]], twin_of)

    def hear(self, rows: list[Row]) -> None:
        """Take over what the rows' functions did in the cell that has just ended."""
        if not self._behaviour:
            return
        row_of = {row.solution: row for row in rows}
        for place, call, result in self.board.events():
            solution, test = divmod(place, len(self.tests))
            if solution in row_of:
                row_of[solution].calls.setdefault((test, call), LIMIT_HIT if result == UNFINISHED else result)

    def _send_behaviour(self, solution: int, row: Row, twin_of: list[int]) -> None:
        of_test: dict[int, list[tuple[int, int]]] = {}
        for (test, call), result in row.calls.items():
            of_test.setdefault(test, []).append((call, result))
        events = [boards.pack_event(j, *event) for j in range(len(self.tests)) for event in of_test.get(twin_of[j], ())]
        self.channel.send("behaviour", {"solution": solution}, b"".join(events))

    def place(self, row: Row, test: int) -> int:
        """Where on the board the record of this pair stands."""
        return row.solution * len(self.tests) + test

    def _pairs(self, row: Row, tests: list[int]) -> list[Pair]:
        return [Pair(self.place(row, j), self.solutions[row.solution], self.tests[j]) for j in tests]

    def take(self, row: Row, tests: list[int]) -> dict[int, Record]:
        """What the board says of these tests of a row: the records of pairs that are done."""
        seen = {j: r for j in tests if (r := self.board.read(self.place(row, j))).state == boards.DONE}
        return {j: r if VACUOUS <= r.verdict <= PASS else r._replace(verdict=TAMPERED) for j, r in seen.items()}

    def _run_plain(self, waiting: list[Row], tests: list[int]) -> None:
        """Run plain candidates, many a cell; leaves to `_run_row` whatever ended one or changed something, and tests
        behind which nobody is plain.

        Of a cell that was killed, the rows that nobody checked run again without the one that it was killed in; that
        one begins the next cell, and what ends it there is its own doing.
        """
        tests = [j for j in tests if not (self.tests[j].reach.marks or self.tests[j].evaluates)]
        until = len(waiting)
        while waiting and tests:
            self.board.clear()
            work = [self._pairs(row, tests) for row in waiting[:until]]
            death, header, spent = self._run_cell(partial(self._plain_cell, work), self.limit, work[-1][-1].place)
            checked, row_of = waiting[: header.verified], header.current // len(self.tests)
            # which of those that are not checked it ended in
            at = next((k for k, row in enumerate(waiting) if row.solution == row_of), 0) - len(checked)
            self.hear(checked)
            for row in checked:
                row.records |= {j: r for j, r in self.take(row, tests).items() if r.verdict != MEMORY}
            waiting = waiting[len(checked) :]
            if header.finished:
                waiting = waiting[at + 1 :]
            elif at == 0 and not checked:
                row, waiting = waiting[0], waiting[1:]
                self.hear([row])
                seen = self.take(row, tests)
                hit = header.current - row.solution * len(self.tests)
                row.accept(seen, careful=False)
                if death.timed_out and hit in tests and hit not in seen:
                    row.strike(hit, self.fate(death, not header.loaded, spent))
            until = at if at > 0 and not header.finished else len(waiting)

    def _run_row(self, row: Row) -> None:
        """Run what is missing of one candidate's row in cells of its own."""
        solution = self.solutions[row.solution]
        if solution.code is None:
            row.records |= {j: _decided(ERROR) for j in row.tests}
        careful = False
        while todo := row.missing():
            patience = 1.0 if self.paper else slowed(row.timeouts)
            limit = self.limit * patience
            self.board.clear()
            work = self._pairs(row, todo)
            cell = partial(self._own_cell, work, limit, careful)
            death, header, spent = self._run_cell(cell, None if self.paper else limit, work[-1].place, patience)
            if header.finished and not header.clean and not careful:
                careful = True  # something was changed: run again to find out by which pair
                continue
            self.hear([row])
            seen = self.take(row, todo)
            row.accept(seen, careful or bool(header.finished))
            if not header.finished or not seen:
                hit = header.current - row.solution * len(self.tests)
                hit = hit if hit in todo else next((j for j in todo if j not in seen), -1)
                if hit >= 0 and hit not in seen:
                    hang_in_load = not header.loaded and limit == self.limit and not self.paper
                    row.strike(hit, self.fate(death, hang_in_load, spent), slowed=limit < self.limit)
            if not row.missing() and row.unverified:
                row.verify_again()
                careful = True

    def _run_cell(self, work: Callable[[], None], limit: float | None, last: int,
                  patience: float = 1.0) -> tuple[Death, Header, int]:
        """How a cell ended, what it did then, and the CPU microseconds that had gone into the pair it was in."""
        before = children_ns()
        death = self.watcher.run(work, limit, last, patience)
        header = self.board.read_header()
        spent = (children_ns() - before - header.cpu_ns) // 1000
        return death, header, min(max(spent, 0), 0xFFFFFFFF)

    def _plain_cell(self, work: list[list[Pair]]) -> None:
        self.channel.close()  # a cell holds no way to the supervisor
        Cell(self.board, self.guard, self.limit, self.paper, self.witness).run_plain(work)

    def _own_cell(self, work: list[Pair], limit: float, careful: bool) -> None:
        self.channel.close()
        Cell(self.board, self.guard, limit, self.paper, self.witness).run(work, careful)

    @staticmethod
    def fate(death: Death, hang_in_load: bool, cpu_us: int = 0) -> tuple[Record, bool]:
        """What a cell's death means for the pair it was in, and whether for every other test as well."""
        if death.cause in ("memory", "forged"):
            return _decided(MEMORY if death.cause == "memory" else TAMPERED, cpu_us=cpu_us), False
        if death.timed_out:
            return _decided(TIMEOUT, boards.WALL if death.cause == "wall" else 0, cpu_us), hang_in_load
        return _decided(CRASH, cpu_us=cpu_us), False


class Row:
    """What is known so far of one candidate."""

    def __init__(self, solution: int, tests: list[int]) -> None:
        self.solution, self.tests = solution, tests
        self.records: dict[int, Record] = {}
        self.calls: dict[tuple[int, int], int] = {}
        """(test, call) -> fingerprint of what came back, where behaviour is recorded."""
        self.unverified: list[int] = []
        self.timeouts = 0

    def missing(self) -> list[int]:
        return [j for j in self.tests if j not in self.records]

    def accept(self, seen: dict[int, Record], careful: bool) -> None:
        """Take over records; passes from a cell that died unchecked have to be verified later."""
        self.records |= seen
        self.timeouts += sum(record.verdict == TIMEOUT for record in seen.values())
        if not careful:
            self.unverified += [j for j, record in seen.items() if record.verdict == PASS]

    def strike(self, test: int, fate: tuple[Record, bool], slowed: bool = False) -> None:
        """The cell died in this test."""
        record, for_all = fate
        self.records[test] = record._replace(flags=record.flags | (boards.SLOWED if slowed else 0))
        self.timeouts += record.verdict == TIMEOUT
        if for_all:  # it hangs before any test begins
            self.records |= {j: record._replace(cpu_us=0) for j in self.missing()}

    def verify_again(self) -> None:
        """Forget the passes that nobody checked. They get the full limit again, not what later timeouts left of it."""
        for j in self.unverified:
            del self.records[j]
        self.unverified, self.timeouts = [], 0


def _decided(verdict: int, flags: int = 0, cpu_us: int = 0) -> Record:
    return Record(boards.DONE, verdict, flags, 0, 0, cpu_us)


class _Compiling:
    """Says on the zygote's board which text is being compiled, and bounds the CPU time that may take."""

    def __init__(self, board: Board, kind: int, index: int) -> None:
        self._board, self._kind, self._index = board, kind, index

    def __enter__(self) -> None:
        self._board.write(0, self._kind, 0, 0, 0, self._index)
        signal.setitimer(signal.ITIMER_PROF, COMPILE_LIMIT_S)

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._board.clear()


def _twins(codes: list[CodeType | None]) -> list[int]:
    """For each code the index of the first that does the same: equal but for line numbers and file names."""
    first: dict[bytes, int] = {}
    return [i if code is None else first.setdefault(marshal.dumps(bare(code)), i) for i, code in enumerate(codes)]
