"""A worker: one jailed zygote, as the supervisor sees it. One job at a time; if it dies a new one is started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import Any

from coderm.errors import EngineError
from coderm.execute.inside.wire import Channel, Closed
from coderm.execute.jail import Cage, cage

_TEXTS = ("solutions", "unit_tests", "names")  # sent behind the header, which the jail reads before it sees a test


class Worker:
    """Starts a zygote in its jail, hands it jobs and reads its frames."""

    def __init__(self, python: str, number: int, *, unsafe: bool) -> None:
        self._python, self._number, self._unsafe = python, number, unsafe
        self._start()

    def _start(self) -> None:
        self.cage: Cage = cage(self._python, self._number, unsafe=self._unsafe)
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by stop()
        self._at_work = False
        self._process = subprocess.Popen(
            self.cage.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._stderr,
            env=self.cage.environment, cwd=self.cage.scratch or "/", start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._channel = Channel(self._process.stdout.fileno(), self._process.stdin.fileno())
        try:
            self._channel.send("config", {"uid": self.cage.uid, "scratch": self.cage.scratch,
                                          "readable": self.cage.readable})
            self.about, _ = self._channel.receive()
        except Closed:
            self._stderr.seek(0)
            said = self._stderr.read().decode(errors="replace").strip()[-500:]
            self.stop()
            raise EngineError(f"a worker did not start: {said or 'no message'}; run `coderm doctor`") from None

    def fileno(self) -> int:
        """What to wait on for the next frame."""
        return self._channel.read_fd

    def submit(self, request: dict[str, Any]) -> None:
        """Hand over a job. Raises Closed where the worker is gone.

        Frames do not say which job they answer: one that nobody has heard to its end is ended before the next begins.
        """
        if self._at_work:
            self.restart()
        self._at_work = True
        texts = {name: request[name] for name in _TEXTS}
        about = {name: value for name, value in request.items() if name not in _TEXTS}
        processors = sorted(os.sched_getaffinity(0))
        about |= {"processes": self.cage.processes, "processor": processors[self._number % len(processors)]}
        self._channel.send("job", about, json.dumps(texts).encode())

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The next frame of the job, the last of which is its "end". Raises as `Channel.receive`."""
        header, blob = self._channel.receive()
        self._at_work = header["kind"] != "end"
        return header, blob

    def restart(self) -> None:
        """End it, whatever it is doing, and start afresh."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """End the jail and everything in it."""
        with suppress(ProcessLookupError):
            # its own session: bwrap, and with it the pid namespace and all in it
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._stderr):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        if self.cage.scratch:
            shutil.rmtree(self.cage.scratch, ignore_errors=True)
