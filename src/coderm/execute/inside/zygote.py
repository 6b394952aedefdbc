"""The zygote: an interpreter that has imported what solutions use, and forks a process for every job.

Started once per worker with the channel on standard input and output. It runs no untrusted code.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
from contextlib import suppress
from typing import NoReturn

from .board import NOTHING, Board
from .job import Job
from .landlock import confine
from .runner import compare_nothing
from .seccomp import protect
from .split import Nursery
from .study import study
from .tamper import Guard
from .watch import reap_orphans
from .wire import Channel

PRELOAD = (
    "abc array asyncio base64 bisect calendar cmath collections.abc contextlib copy dataclasses datetime decimal enum "
    "fractions functools hashlib heapq inspect io itertools json math multiprocessing numbers operator os pprint queue "
    "random re statistics string struct sys textwrap threading time timeit traceback types typing unittest "
    "unittest._log unittest.async_case unittest.mock uuid warnings numpy numpy.random numpy.testing"
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
    if config["scratch"]:
        confine(config["readable"], [config["scratch"], "/dev/shm"])
    pages = int(open("/proc/self/statm").read().split()[0])  # noqa: PTH123, SIM115
    base_memory = pages * resource.getpagesize()
    # What every job would have to do first is done once: what they share they need not copy, page by page.
    study("import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(), 1)", frozenset("f"))
    compare_nothing()
    guard, board = Guard(), Board(1)
    gc.collect()
    gc.freeze()
    channel.send("ready", {"python": sys.version.split()[0], "preloaded": loaded, "pid": os.getpid()})
    poll = select.poll()
    poll.register(channel.read_fd, select.POLLIN)
    while True:
        # the job reads its request itself: what is forked from here has never seen a candidate or a test
        if not poll.poll()[0][1] & select.POLLIN:
            return
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            _serve(channel, board, base_memory, guard)
        _, status, used = os.wait4(pid, 0)
        reap_orphans()
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


def _serve(channel: Channel, board: Board, base_memory: int, guard: Guard) -> NoReturn:
    status = 1
    board.keep_from_children()  # a candidate could otherwise put its death down to a test
    try:
        header, size = channel.receive_header()
        nursery = None
        if header["isolation"] == "split":
            # judge and candidate take turns: on one processor neither has to wake another for every call
            os.sched_setaffinity(0, {header["processor"]})
            nursery = Nursery(base_memory + header["memory_limit"], header["processes"], channel)
        texts = json.loads(channel.receive_blob(size))
        Job(header | texts, channel, board, base_memory, guard, nursery).run()
        if nursery is not None:
            nursery.close()
        status = 0
    finally:
        os._exit(status)
