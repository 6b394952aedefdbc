"""One job: the unit tests of a problem against some of its candidates, in a process of its own.

It compiles every text once, judges the tests, forks a cell per distinct solution and watches it from outside:
CPU time on the cell's own clock, wall time as the backstop, memory of all its processes. What a cell did not
live to report is decided here. It runs no untrusted code itself, but compiling such a text can still kill it:
`compiling` on the board tells the zygote which text that was.
"""

from __future__ import annotations

import marshal
import os
import resource
import select
import signal
import sys
import time
import types
from contextlib import suppress
from pathlib import Path
from types import CodeType
from typing import Any

from . import board as boards
from . import seccomp
from .board import Board, Record
from .cell import CRASH, ERROR, MEMORY, PASS, TEST_ERROR, TIMEOUT, VACUOUS, Cell, Solution
from .explain import explain_pair
from .study import MARK, Study, study
from .tamper import Guard
from .wire import Channel

TICK_S = 0.02
FREE_TIMEOUTS = 2  # so many timeouts of a candidate cost the full limit; each further one halves it
SLOWEST_FRACTION = 1 / 32
TEXT_ROOM = 64 * 1024
FILE_SIZE = 16 * 1024 * 1024
COMPILE_LIMIT_S = 5.0
LOADED = 8  # a cell kept from running may take this many times the wall limit
RECYCLE = 3
ALWAYS_WATCHED = ("unittest", "unittest.case", "unittest.loader", "unittest.suite", "unittest.result",
                  "unittest.mock", "sys", "time", "signal", "os", "gc", "threading", "types")


class Job:
    """What the supervisor asked for, and the answers to it."""

    def __init__(self, request: dict[str, Any], channel: Channel, compiling: Board, base_memory: int) -> None:
        self.channel, self.compiling = channel, compiling
        self.limit: float = request["time_limit"]
        self.wall_limit: float = request["wall_limit"]
        self.memory: int = request["memory_limit"]
        self.paper: bool = request["protocol"] == "paper"
        self.explain: bool = request.get("explain", False)
        limit_resources(base_memory + self.memory, request["processes"])
        self.names = frozenset(request["names"])
        dead = {tuple(key): verdict for *key, verdict in request["dead"]}
        self.tests = [self._study(j, text, dead) for j, text in enumerate(request["unit_tests"])]
        self.solutions = [self._compile(i, text, dead) for i, text in enumerate(request["solutions"])]
        self.watched = self._watched_modules(request["unit_tests"])
        seccomp.install()

    # -- compiling -----------------------------------------------------------------------------------------

    def _study(self, index: int, text: str, dead: dict[Any, Any]) -> Study:
        if ("unit_test", index) in dead:
            return Study(None, reason="compiling it kills the compiler", is_error=True)
        with _Compiling(self.compiling, 0, index):
            return study(text, self.names, judge_vacuity=not self.paper)

    def _compile(self, index: int, text: str, dead: dict[Any, Any]) -> Solution:
        if ("solution", index) in dead:
            return Solution(None, "compiling it kills the compiler", False)
        with _Compiling(self.compiling, 1, index):
            try:
                code = compile(text, "<solution>", "exec", dont_inherit=True)
            except Exception as error:
                return Solution(None, f"{type(error).__name__}: {str(error)[:200]}", False)
        return Solution(code, None, "random" in text)

    def _watched_modules(self, texts: list[str]) -> tuple[str, ...]:
        """Modules whose functions the tests may lean on: those that they name."""
        mentioned = {name for test in self.tests for name in test.reads}
        aliases = {"np": "numpy"}
        mentioned = {aliases.get(name, name) for name in mentioned}
        return (*ALWAYS_WATCHED, *sorted(name for name in mentioned if name in sys.modules and name not in ALWAYS_WATCHED))

    # -- running -------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Answer with the facts about the tests, then with a row of records per solution."""
        self.guard = Guard(self.watched)
        self.board = Board(len(self.tests), TEXT_ROOM)
        self._find_load_errors()
        self.channel.send("tests", {"reasons": [t.reason for t in self.tests]})
        if self.explain:
            self.channel.send("explain", {"told": explain_pair(self)})
        twins = _twins([t.code if t.reason is None else None for t in self.tests])
        rows: dict[int, list[Record]] = {}
        first_of = _twins([s.code for s in self.solutions])
        for i, solution in enumerate(self.solutions):
            if first_of[i] == i:
                rows[i] = self._row(solution, twins)
            self.channel.send("row", {"solution": i}, b"".join(map(boards.pack_record, rows[first_of[i]])))

    def _row(self, solution: Solution, twins: list[int]) -> list[Record]:
        todo = [j for j, test in enumerate(self.tests) if test.reason is None and twins[j] == j]
        records = self.run_tests(solution, todo)
        for j, test in enumerate(self.tests):
            if test.reason is not None:
                verdict = TEST_ERROR if test.is_error else VACUOUS
                records[j] = _decided(verdict)
            elif twins[j] != j:
                records[j] = records[twins[j]]
        return [records[j] for j in range(len(self.tests))]

    def run_tests(self, solution: Solution, todo: list[int]) -> dict[int, Record]:
        """The records of the given tests, from as many cells as it takes."""
        if solution.code is None:
            return {j: _decided(ERROR) for j in todo}
        records: dict[int, Record] = {}
        unverified: list[int] = []
        timeouts, careful = 0, False
        while todo:
            limit = self.limit if self.paper else self.limit * slowed(timeouts)
            self.board.clear()
            death = self._run_cell(solution, todo, limit, careful)
            header = self.board.read_header()
            seen = {j: record for j in todo if (record := self.board.read(j)).state == boards.DONE}
            if header.finished and not header.clean and not careful:
                careful = True  # something was changed: run again to find out by which pair
                continue
            records |= seen
            if not header.finished or not seen:
                hit = header.current if header.current in todo else next((j for j in todo if j not in seen), None)
                if hit is not None and hit not in seen:
                    records[hit] = death._replace(flags=death.flags | (boards.SLOWED if limit < self.limit else 0))
                    timeouts += death.verdict == TIMEOUT
                    if death.verdict == TIMEOUT and not header.loaded and limit == self.limit and not self.paper:
                        records |= {j: death for j in todo if j not in records}  # it hangs before any test begins
                if not careful:
                    unverified += [j for j, record in seen.items() if record.verdict == PASS]
            todo = [j for j in todo if j not in records]
            if not todo and unverified:
                # a cell that died was never checked as a whole: run what it passed once more, checking each
                todo, unverified, careful = unverified, [], True
                for j in todo:
                    del records[j]
        return records

    def _run_cell(self, solution: Solution, todo: list[int], limit: float, careful: bool) -> Record:
        """Fork a cell and see it through to its end; the record that its death means for the pair it was in."""
        pid = os.fork()
        if pid == 0:
            try:
                self.channel.close()
                Cell(self.board, self.guard, limit, self.paper).run(solution, self.tests, todo, careful)
            finally:
                os._exit(1)
        if pid < os.getpid():  # process ids have wrapped: the signal filter no longer tells cells from us
            os.kill(pid, signal.SIGKILL)
            os._exit(RECYCLE)
        cause = self.watch(pid, limit)
        _, status = os.waitpid(pid, 0)
        _reap_orphans()
        killed_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if cause == "memory":
            return _decided(MEMORY)
        if cause or killed_by in _TIMER_SIGNALS:
            return _decided(TIMEOUT, boards.WALL if cause == "wall" else 0)
        return _decided(CRASH)

    def watch(self, pid: int, limit: float) -> str:
        """Wait for the cell's end; what it was killed for, or "" if it ended by itself.

        "cpu", "sleep" and "memory" are the candidate's doing; "wall" may be the machine's.
        """
        fd = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        clock = ~pid << 3 | 2  # the CPU clock of another process, see clock_getcpuclockid(3)
        begun = time.monotonic()
        pair, kept_waiting = begun, 0.0
        try:
            while not poll.poll(TICK_S * 1000):
                header = self.board.read_header()
                if header.started != pair:
                    pair, kept_waiting = header.started, _run_delay_s(pid)
                try:
                    spent = (time.clock_gettime_ns(clock) - header.cpu_ns) / 1e9
                except OSError:
                    continue  # it has just died
                if spent > limit * 1.25 + TICK_S and not self.paper:
                    cause = "cpu"
                elif (elapsed := time.monotonic() - (pair or begun)) > self.wall_limit:
                    # time spent waiting for a processor is not the candidate's; sleeping is
                    if elapsed - (_run_delay_s(pid) - kept_waiting) > self.wall_limit:
                        cause = "sleep"
                    elif elapsed > LOADED * self.wall_limit:
                        cause = "wall"
                    else:
                        continue
                elif _memory_of_cell() > self.memory:
                    cause = "memory"
                else:
                    continue
                os.kill(pid, signal.SIGKILL)
                return cause
        finally:
            os.close(fd)
        return ""

    def _find_load_errors(self) -> None:
        """Load tests that run code at import beside stand-ins for the candidates' names.

        What fails then fails whatever the candidate; nearly all tests only define a class and are spared this.
        """
        for j, test in enumerate(self.tests):
            if test.reason is not None or not test.loads_code:
                continue
            self.board.clear()
            pid = os.fork()
            if pid == 0:
                try:
                    self.channel.close()
                    signal.setitimer(signal.ITIMER_PROF, self.limit)
                    self.board.write_text(dry_load(test, self.names).encode(errors="replace"))
                finally:
                    os._exit(0)
            self.watch(pid, self.limit)
            os.waitpid(pid, 0)
            _reap_orphans()
            problem = self.board.read_text().decode(errors="replace")
            if problem:
                self.tests[j] = test._replace(reason=problem, is_error=True)


_TIMER_SIGNALS = (signal.SIGPROF, signal.SIGALRM, signal.SIGXCPU)


def slowed(timeouts: int) -> float:
    """The fraction of the CPU limit a candidate has left on each further test after so many timeouts.

    Two timeouts are free, then every one halves it down to 1/32: what a candidate can waste on M tests is less
    than (4 + M/32) times the limit. A pair cut off by a reduced limit is marked as such.
    """
    return float(max(0.5 ** max(0, timeouts - FREE_TIMEOUTS + 1), SLOWEST_FRACTION))


def limit_resources(memory: int, processes: int | None) -> None:
    """Set the hard limits that a job and all its cells live under; `memory` in bytes of address space."""
    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: FILE_SIZE,
              resource.RLIMIT_NOFILE: 256, resource.RLIMIT_MEMLOCK: 0, resource.RLIMIT_MSGQUEUE: 0}
    if processes is not None:
        limits[resource.RLIMIT_NPROC] = processes
    for what, value in limits.items():
        resource.setrlimit(what, (value, value))


def _decided(verdict: int, flags: int = 0) -> Record:
    return Record(boards.DONE, verdict, flags, 0, 0, 0)


class _Compiling:
    """Says on the zygote's board which text is being compiled, and bounds the CPU time that may take."""

    def __init__(self, board: Board, kind: int, index: int) -> None:
        self._board, self._kind, self._index = board, kind, index

    def __enter__(self) -> None:
        self._board.write(0, boards.STARTED, self._kind, 0, 0, 0, self._index)
        signal.setitimer(signal.ITIMER_PROF, COMPILE_LIMIT_S)

    def __exit__(self, *error: object) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)
        self._board.write(0, boards.NOTHING, 0, 0, 0, 0, 0)


def _twins(codes: list[CodeType | None]) -> list[int]:
    """For each code the index of the first that does the same: equal but for line numbers and file names."""
    first: dict[bytes, int] = {}
    return [i if code is None else first.setdefault(marshal.dumps(_bare(code)), i) for i, code in enumerate(codes)]


def _bare(code: CodeType) -> CodeType:
    constants = tuple(_bare(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_consts=constants, co_linetable=b"", co_firstlineno=1)


def dry_load(test: Study, names: frozenset[str]) -> str:
    """Execute the test's module code beside stand-ins for the candidates' names: "" or what went wrong."""
    module = types.ModuleType("solution")
    stand_in = _StandIn()
    module.__dict__.update(dict.fromkeys(names, stand_in), **{MARK: lambda: None})
    module.__getattr__ = lambda name: stand_in  # type: ignore[method-assign]
    sys.modules["solution"] = module
    assert test.code is not None
    try:
        exec(test.code, module.__dict__)
    except BaseException as error:
        return f"does not load: {type(error).__name__}: {str(error)[:200]}"
    return ""


class _StandIn:
    """Takes part in whatever a test does with a candidate's name while it is being loaded."""

    def __call__(self, *args: Any, **kwargs: Any) -> _StandIn:
        return self

    def __getattr__(self, name: str) -> _StandIn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> _StandIn:
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (object,)


def _run_delay_s(pid: int) -> float:
    """Seconds that the process was ready to run and had no processor (0 where the kernel does not say)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _memory_of_cell() -> int:
    """Bytes of memory that this process's descendants hold, shared pages counted once per process's own part."""
    total = 0
    for pid in _descendants():
        with suppress(OSError, ValueError):
            fields = Path(f"/proc/{pid}/statm").read_text().split()
            total += (int(fields[1]) - int(fields[2])) * resource.getpagesize()
    return total


def _descendants() -> list[int]:
    """Every process below this one: its cell and whatever that started (orphans are handed to this process)."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                stat = Path(f"/proc/{name}/stat").read_text()
                children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(name))
    found, stack = [], [os.getpid()]
    while stack:
        below = children.get(stack.pop(), [])
        found += below
        stack += below
    return found


def _reap_orphans() -> None:
    """Kill and collect what the cell left running; this process adopts its orphans."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            left = _descendants()
            for signal_number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none can fork meanwhile
                for process in left:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(process, signal_number)
            with suppress(ChildProcessError):
                os.waitpid(-1, 0)
