"""The zygote: an interpreter that has imported what solutions use, and forks a process for every job.

Started once per worker with the channel on standard input and output. It runs no untrusted code.
"""

from __future__ import annotations

import gc
import importlib
import os
import resource
import signal
import sys
from contextlib import suppress
from typing import Any

from .board import NOTHING, Board
from .job import Job
from .seccomp import protect
from .wire import Channel, Closed

PRELOAD = (
    "abc array asyncio base64 bisect calendar cmath collections.abc contextlib copy dataclasses datetime decimal enum "
    "fractions functools hashlib heapq inspect io itertools json math multiprocessing numbers operator os pprint queue "
    "random re statistics string struct sys textwrap threading time timeit traceback types typing unittest unittest.mock "
    "uuid warnings numpy numpy.random numpy.testing"
).split()


def main() -> None:
    """Serve jobs until the supervisor closes the channel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the supervisor's to handle
    channel = Channel(os.dup(0), os.dup(1))
    devnull = os.open(os.devnull, os.O_RDWR)
    os.dup2(devnull, 0)
    os.dup2(devnull, 1)
    os.dup2(devnull, 2)
    os.close(devnull)
    config, _ = channel.receive()
    become(config["uid"])
    sys.path.pop(0)  # where this package was found
    loaded = [name for name in PRELOAD if _import(name)]
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]  # nothing of ours is for candidates to import
    protect()
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: PTH123, SIM115
    base_memory = pages * resource.getpagesize()
    board = Board(1)
    gc.collect()
    gc.freeze()
    channel.send("ready", {"python": sys.version.split()[0], "preloaded": loaded, "pid": os.getpid()})
    while True:
        try:
            request, _ = channel.receive()
        except Closed:
            return
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _serve(request, channel, board, base_memory)
        _, status, used = os.wait4(pid, 0)
        record = board.read(0)
        at = None if record.state == NOTHING else [("unit_test", "solution")[record.verdict], record.cpu_us]
        channel.send("end", {"status": status, "compiling": at, "cpu_s": used.ru_utime + used.ru_stime})
        board.clear()


def become(uid: int | None) -> None:
    """Give up root for an ordinary user id of this jail's own, so that limits on users hold."""
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def _import(name: str) -> bool:
    with suppress(Exception):
        importlib.import_module(name)
        return True
    return False


def _serve(request: dict[str, Any], channel: Channel, board: Board, base_memory: int) -> None:
    status = 1
    try:
        Job(request, channel, board, base_memory).run()
        status = 0
    finally:
        if status and request.get("debug"):
            import traceback

            channel.send("trouble", {"traceback": traceback.format_exc()})
        os._exit(status)

