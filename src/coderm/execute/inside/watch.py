"""Forks cells and sees them through to their end: time, memory and leftovers, all judged from outside."""

from __future__ import annotations

import os
import re
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .board import IDLE, Board
from .house import sweep

TICK_S = 0.02
_RESIDENT = re.compile(r"^Rss(?:Anon|Shmem):\s*(\d+) kB$", re.MULTILINE)
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
LOADED = 8  # a cell that is kept from running may take this many times the wall limit
RECYCLE = 3  # exit status of a job that wants a fresh jail


class Death(NamedTuple):
    """How a cell ended: what it was killed for, or "", and the signal it died of.

    It is killed for "cpu", "sleep", "wall", "memory", or "forged" clocks on its board.
    """

    cause: str
    signal: int

    @property
    def timed_out(self) -> bool:
        """Whether it was for time, by the watcher or by a timer of its own."""
        return self.cause in ("cpu", "sleep", "wall") or self.signal in (signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU)


class Watcher:
    """Runs one cell at a time and enforces its limits; `memory` in bytes, `wall_limit` in seconds a pair."""

    def __init__(self, board: Board, memory: int, wall_limit: float, keep: int | None = None) -> None:
        """`keep` is a child of this process that is not a cell's and stays when a cell's leftovers are ended."""
        self._board, self._memory, self._wall_limit, self._keep = board, memory, wall_limit, keep

    def run(self, work: Callable[[], object], limit: float | None, last: int = IDLE, patience: float = 1.0) -> Death:
        """Fork a process that does `work` and wait for its end; `limit` is CPU seconds a pair, None for no limit.

        The board's header says when the current pair began, on the cell's clocks; `last` is the place of the last
        pair that it may begin, `patience` the fraction of the wall limit that a pair has. The scratch is empty then.
        """
        sweep()
        pid = os.fork()
        if pid == 0:
            try:
                work()
            finally:
                os._exit(1)
        if pid < os.getpid():  # process ids have wrapped: the signal filter no longer tells cells from us
            os.kill(pid, signal.SIGKILL)
            os._exit(RECYCLE)
        cause = self._watch(pid, limit, last, patience_s(self._wall_limit, patience))
        _, status = os.waitpid(pid, 0)
        reap_orphans(self._keep)
        return Death(cause, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)

    def _watch(self, pid: int, limit: float | None, last: int, wall_limit: float) -> str:
        fd = os.pidfd_open(pid)
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        clock = ~pid << 3 | 2  # the CPU clock of another process, see clock_getcpuclockid(3)
        tick_ms = 1000 * (TICK_S if limit is None else max(0.002, min(TICK_S, limit / 2)))
        began, place, kept_waiting, cpu_before = time.monotonic(), IDLE, 0.0, 0
        try:
            while not poll.poll(tick_ms):
                header = self._board.read_header()
                try:
                    cpu = time.clock_gettime_ns(clock)
                except OSError:
                    continue  # it has just died
                cause = ""
                if header.current != place:
                    # pairs begin in order, and none in the future: else a cell could put off its limits for ever.
                    # Two processors' clocks may differ a little.
                    now, cpu_now = time.monotonic() + TICK_S, cpu + 1e9 * TICK_S
                    if not (place < header.current <= last and header.started <= now and header.cpu_ns <= cpu_now):
                        cause = "forged"
                    began, place, kept_waiting = header.started, header.current, run_delay_s(pid)
                    cpu_before = header.cpu_ns or cpu  # a judge does not say: its limit need not be exact
                used = usage_below(pid, without=self._keep)
                spent = (cpu - cpu_before) / 1e9 + used.cpu_s
                if cause:
                    pass
                elif limit is not None and spent > limit:
                    cause = "cpu"
                elif (elapsed := time.monotonic() - began) > wall_limit:
                    # time spent waiting for a processor is not the candidate's; sleeping is
                    if elapsed - (run_delay_s(pid) - kept_waiting) > wall_limit:
                        cause = "sleep"
                    elif elapsed > LOADED * wall_limit:
                        cause = "wall"
                elif used.memory > self._memory:
                    cause = "memory"
                if cause:
                    os.kill(pid, signal.SIGKILL)
                    return cause
        finally:
            os.close(fd)
        return ""


def patience_s(wall_limit: float, fraction: float) -> float:
    """Wall seconds that a pair has with that fraction of its CPU limit: not so few that a hiccup is taken for sleep."""
    return max(wall_limit * min(1.0, fraction), min(wall_limit, 0.1))


def run_delay_s(pid: int) -> float:
    """Seconds that the process was ready to run and had no processor (0 where the kernel does not say)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


class Usage(NamedTuple):
    """What several processes have of the machine: bytes of memory, CPU seconds used so far."""

    memory: int
    cpu_s: float


def usage_below(first: int, root: int | None = None, without: int | None = None) -> Usage:
    """Usage of the descendants of `root` (this process by default), `without` and its own left out.

    The CPU time is that of all but `first`, whose own clock is read more exactly, and of the children that they have
    waited for: without it a fork bomb, which keeps its first process from running, would have all the time it wants.

    What `root` holds itself is counted once, for the first of them: the others have it by copy on write as well, and
    which pages a process has to itself the kernel does not tell about processes that are protected from each other.
    Memory shared between several of them counts for each.
    """
    root = root or os.getpid()
    cpu_of = _descendants(root, without)
    inherited = _resident(root) if len(cpu_of) > 1 else 0
    memory = sum(max(0, _resident(pid) - (inherited if number else 0)) for number, pid in enumerate(cpu_of))
    return Usage(memory, sum(cpu_s for pid, cpu_s in cpu_of.items() if pid != first))


def _resident(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has just ended
        return 0
    return 1024 * sum(map(int, _RESIDENT.findall(status)))


def reap_orphans(keep: int | None = None) -> None:
    """Kill and collect whatever a cell left running; this process adopts its orphans. `keep` and its own are spared."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid:
            continue
        left = _descendants(os.getpid(), keep)
        if not left:
            return
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none can fork meanwhile
            for process in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(process, number)
        time.sleep(0.001)


def _descendants(root: int, without: int | None = None) -> dict[int, float]:
    """Every process below `root`, but for `without` and those below it, and the CPU seconds it has used.

    With it counts what the children used that it has waited for.
    """
    children: dict[int, list[int]] = {}
    cpu_of: dict[int, float] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                stat = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(int(name))
                cpu_of[int(name)] = sum(map(int, stat[11:15])) / _TICKS_A_SECOND
    found, stack = {}, [root]
    while stack:
        below = [pid for pid in children.get(stack.pop(), []) if pid != without]
        found.update({pid: cpu_of[pid] for pid in below})
        stack += below
    return found
