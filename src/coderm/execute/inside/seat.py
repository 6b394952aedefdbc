"""The judge's hold on a candidate's process: asks the nursery for one, talks to it, and kills it at its limits."""

from __future__ import annotations

import os
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
from .watch import TICK_S, run_delay_s, usage_below

SETUP_LIMIT_S = 5.0  # CPU time for compiling a candidate in a process just started


class CandidateEnded(BaseException):
    """The candidate's process is no more; `verdict` is what that means. No test may catch it unnoticed."""

    def __init__(self, verdict: int) -> None:
        super().__init__("the candidate's process has ended")
        self.verdict = verdict


class _WatchedLine(Line):
    """A line whose waiting is the seat's."""

    def __init__(self, end: socket.socket, tick: Callable[[], None]) -> None:
        super().__init__(end)
        self.tick = tick  # type: ignore[method-assign]

    def set_tick(self, seconds: float) -> None:
        """Wait no longer than that without looking at the candidate's limits."""
        raw = struct.pack("ll", 0, int(seconds * 1e6))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, raw)


class Seat:
    """One candidate process at a time. `memory` in bytes, `wall_limit` in seconds a pair.

    With `wall_clock` the limit of a pair is wall time, not the candidate's CPU time.
    """

    def __init__(self, control: socket.socket, nursery: int, memory: int, wall_limit: float, wall_clock: bool) -> None:
        self._control, self._nursery, self._memory, self._wall_limit = control, nursery, memory, wall_limit
        self._wall_clock = wall_clock
        self._line: _WatchedLine | None = None
        self._pid = 0
        self.ended: int | None = None
        """The verdict that the candidate's end means for the pair in hand, None while it lives."""
        self.used = False
        """Whether a candidate's code may have run in this process: from the first pair on, or its loading."""
        self.limit = SETUP_LIMIT_S
        self._setup: list[Any] | None = None

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
        self.ended, self.used, self._cpu_after = None, False, 0
        if self._setup is not None:
            self.set_up(self._setup)
        self._mark()

    def dismiss(self) -> None:
        """End the process and all that it started."""
        if self._line is not None:
            self._kill()
            self._line.socket.close()
            self._line = None
            self._control.send(b"e")
            self._control.recv(1)

    def set_up(self, message: list[Any]) -> Any:
        """Ask something that every new process must be asked again before it can take this one's place."""
        self._setup, pair_limit = None, self.limit
        if self._line is None or self.ended is not None:
            self.renew()
        self._mark()
        self.limit = SETUP_LIMIT_S
        try:
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
        self._kept_waiting: float | None = None
        self._cpu_before = self._cpu_after or self._cpu_ns()
        self._cpu_after = 0

    def spent_ns(self) -> int:
        """CPU time of the candidate since the pair began."""
        return max(0, self._cpu_ns() - self._cpu_before)

    def end(self) -> int:
        """A pair ends: CPU nanoseconds that the candidate spent on it. It idles until the next."""
        self._cpu_after = self._cpu_ns()
        return max(0, self._cpu_after - self._cpu_before)

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
            self._line.send(message)
            while True:
                reply = self._line.receive()
                if not isinstance(reply, list) or not reply:
                    raise Malformed("not a list")
                if reply[0] != "back":
                    return reply
                if back is None:
                    raise Malformed("a call back that nobody expects")
                self._line.send(back(*reply[1:]))
        except Gone:
            self._end(CRASH)
        except (Malformed, TypeError, ValueError, KeyError, IndexError, AttributeError):
            self._end(ERROR)
        raise CandidateEnded(self.ended or CRASH)

    def _end(self, verdict: int) -> None:
        if self.ended is None:
            self.ended = verdict
        self._kill()

    def _check(self) -> None:
        """The candidate is taking its time: end it where it is over a limit."""
        used = usage_below(self._pid, self._nursery)
        if self.is_late(used.cpu_s) or self._is_idle():
            self._end(TIMEOUT)
        elif used.memory > self._memory:
            self._end(MEMORY)
        else:
            return
        raise Gone

    def _is_idle(self) -> bool:
        """Whether the pair has taken too much wall time, that of waiting for a processor left out."""
        elapsed = time.monotonic() - self._begin
        delay = run_delay_s(self._pid)
        if self._kept_waiting is None:
            self._kept_waiting = delay
        return elapsed - (delay - self._kept_waiting) > self._wall_limit

    def _cpu_ns(self) -> int:
        try:
            return time.clock_gettime_ns(self._clock)
        except OSError:
            return 0

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
