"""The judge's hold on a candidate's process: asks the nursery for one, talks to it, and kills it at its limits."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .cell import CRASH, ERROR, MEMORY, TIMEOUT
from .line import Gone, Line
from .plain import Malformed
from .watch import TICK_S, patience_s, run_delay_s, usage_below

SETUP_LIMIT_S = 5.0  # CPU time for compiling a candidate in a process just started


class CandidateEnded(BaseException):
    """The candidate's process is no more; `verdict` is what that means. No test may catch it unnoticed."""

    def __init__(self, verdict: int) -> None:
        super().__init__("the candidate's process has ended")
        self.verdict = verdict


class _WatchedLine(Line):
    """A line on which the seat looks at the candidate's limits all the while: who keeps talking has them, too."""

    def __init__(self, end: socket.socket, look: Callable[[], None]) -> None:
        super().__init__(end)
        self._look, self._seconds, self.looked = look, TICK_S, time.monotonic()

    def set_tick(self, seconds: float) -> None:
        """Look that often."""
        self._seconds = seconds
        raw = struct.pack("ll", 0, int(seconds * 1e6))
        for way in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self.socket.setsockopt(socket.SOL_SOCKET, way, raw)

    def tick(self) -> None:
        self._look()
        self.looked = time.monotonic()

    def receive(self) -> Any:
        self._look_when_due()
        return super().receive()

    def _more(self) -> bytes:
        self._look_when_due()  # a message may come byte by byte
        return super()._more()

    def _look_when_due(self) -> None:
        if time.monotonic() - self.looked > self._seconds:
            self.tick()


class Seat:
    """One candidate process at a time. `memory` in bytes, `limit` and `wall_limit` in CPU and wall seconds a pair.

    With `wall_clock` the limit of a pair is wall time, not the candidate's CPU time.
    """

    def __init__(self, control: socket.socket, nursery: int, memory: int, limit: float, wall_limit: float,
                 wall_clock: bool) -> None:
        self._control, self._nursery, self._memory, self._wall_clock = control, nursery, memory, wall_clock
        self._full_limit, self._wall_limit = limit, wall_limit
        self._line: _WatchedLine | None = None
        self._pid = 0
        self.ended: int | None = None
        """The verdict that the candidate's end means for the pair in hand, None while it lives."""
        self.cause = ""
        """What it was ended for: "cpu", "wall" where that is its limit, "sleep" or "memory"."""
        self.used = False
        """Whether a candidate's code may have run in this process: from the first pair on, or its loading."""
        self.shared = False
        """Whether another candidate's code than that which was set up last may have run in this process."""
        self.limit = SETUP_LIMIT_S
        self._setup: list[Any] | None = None
        self._waited = 0.0
        self._waiting_since: float | None = None

    def renew(self) -> None:
        """End the process there is and start a new one, brought to where the last was."""
        self.dismiss()
        self._control.send(b"n")
        raw, fds, _, _ = socket.recv_fds(self._control, 4, 1)
        if len(fds) != 1:
            os._exit(1)
        self._pid = int.from_bytes(raw, "little")
        end = socket.socket(fileno=fds[0])
        self._line = _WatchedLine(end, self._check)
        self._line.set_tick(TICK_S)
        self._clock = ~self._pid << 3 | 2
        self._life = os.pidfd_open(self._pid)
        self.ended, self.used, self.shared, self._cpu_after = None, False, False, 0
        if self._setup is not None:
            self.set_up(self._setup)
        self._mark()

    def dismiss(self) -> None:
        """End the process and all that it started."""
        if self._line is not None:
            self._kill()
            self._line.socket.close()
            os.close(self._life)
            self._line = None
            self._control.send(b"e")
            self._control.recv(1)

    def set_up(self, message: list[Any]) -> Any:
        """Ask something that every new process must be asked again before it can take this one's place.

        A process that others have used may die of what they left, or be slow: then it is asked of a new one.
        """
        self._setup, pair_limit = None, self.limit
        if self._line is None or self.ended is not None:
            self.renew()
        self.shared = self.used
        self._mark()
        self.limit = min(SETUP_LIMIT_S, self._full_limit) if self.shared else SETUP_LIMIT_S
        try:
            if self.shared:
                with suppress(CandidateEnded):
                    return self.ask(message)
                self.renew()
                self.limit = SETUP_LIMIT_S
            return self.ask(message)
        finally:
            self._setup, self.limit = message, pair_limit

    def begin(self, limit: float) -> None:
        """A pair begins: `limit` CPU seconds for the candidate. A process that ended before is replaced."""
        if self.ended is not None or self._line is None:
            self.renew()
        if limit != self.limit and self._line is not None:
            self._line.set_tick(max(0.002, min(TICK_S, limit / 2)))
        self.limit, self.used = limit, True
        self._mark()

    def _mark(self) -> None:
        self._begin = time.monotonic()
        self._waited, self._waiting_since = 0.0, None
        if self._line is not None:
            self._line.looked = self._begin
        self._kept_waiting: float | None = None
        self._cpu_before = self._cpu_after or self._cpu_ns()
        self._cpu_after = 0

    def spent_ns(self) -> int:
        """CPU time of the candidate since the pair began."""
        return max(0, self._cpu_ns() - self._cpu_before)

    def end(self) -> int:
        """A pair ends: CPU nanoseconds that the candidate spent on it. It idles until the next."""
        self._cpu_after = self._cpu_ns()
        if self.ended is None:
            if self._has_died():
                self._end(CRASH)
            elif time.monotonic() - self._begin > TICK_S:  # it may have children
                with suppress(Gone):
                    self._check()
        return max(0, self._cpu_after - self._cpu_before)

    def again(self) -> None:
        """The process could not be put back as it was before the pair: a new one, in which the pair's clocks go on.

        What it takes to bring the new one there is the candidate's time.
        """
        spent, begin, waited = self.spent_ns(), self._begin, self._waited
        self.renew()
        self._cpu_before, self._begin, self._waited = -spent, begin, waited

    def is_late(self, others_s: float = 0.0) -> bool:
        """Whether the pair in hand has taken longer than it may, `others_s` CPU seconds of its children included."""
        if self._wall_clock:
            return time.monotonic() - self._begin > self.limit
        return (self._cpu_after or self._cpu_ns()) - self._cpu_before > (self.limit - others_s) * 1e9

    def ask(self, message: list[Any], back: Callable[..., list[Any]] | None = None) -> list[Any]:
        """Send a message and wait for the answer, serving the candidate's calls back meanwhile.

        Raises CandidateEnded. An answer that is not of the format ends the candidate with `error`.
        """
        if self.ended is not None or self._line is None:
            raise CandidateEnded(self.ended or CRASH)
        try:
            self._wait(True)
            self._line.send(message)
            while True:
                reply = self._line.receive()
                if not isinstance(reply, list) or not reply:
                    raise Malformed("not a list")
                if reply[0] != "back":
                    return reply
                if back is None:
                    raise Malformed("a call back that nobody expects")
                self._wait(False)  # what the test's function takes is not the candidate's
                answer = back(*reply[1:])
                self._wait(True)
                self._line.send(answer)
        except Gone:
            self._end(CRASH)
        except (Malformed, TypeError, ValueError, KeyError, IndexError, AttributeError):
            self._end(ERROR)
        finally:
            self._wait(False)
        raise CandidateEnded(self.ended or CRASH)

    def _wait(self, begins: bool) -> None:
        """The judge begins to wait for the candidate, or has stopped: that is the wall time of a pair."""
        now = time.monotonic()
        if self._waiting_since is not None:
            self._waited += now - self._waiting_since
        self._waiting_since = now if begins else None

    def _end(self, verdict: int, cause: str = "") -> None:
        if self.ended is None:
            self.ended, self.cause = verdict, cause
        self._kill()

    def _check(self) -> None:
        """The candidate is taking its time: end it where it is over a limit."""
        used = usage_below(self._pid, self._nursery)
        if self._has_died():
            self._end(CRASH)
        elif self.is_late(used.cpu_s):
            self._end(TIMEOUT, "wall" if self._wall_clock else "cpu")
        elif self._is_idle():
            self._end(TIMEOUT, "sleep")
        elif used.memory > self._memory:
            self._end(MEMORY, "memory")
        else:
            return
        raise Gone

    def _has_died(self) -> bool:
        """Whether the candidate's first process has ended: whoever answers now, its time is not known."""
        return bool(select.select([self._life], [], [], 0)[0])

    def _is_idle(self) -> bool:
        """Whether the judge has waited too long in this pair, waiting for a processor left out."""
        elapsed = self._waited + (0.0 if self._waiting_since is None else time.monotonic() - self._waiting_since)
        delay = run_delay_s(self._pid)
        if self._kept_waiting is None:
            self._kept_waiting = delay
        limit = patience_s(self._wall_limit, self.limit / self._full_limit)
        return elapsed - (delay - self._kept_waiting) > limit

    def _cpu_ns(self) -> int:
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:
            return 0

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
