"""Puts a process back between two pairs: what one leaves behind, the next must not find.

What is listed in `House` is put back, no more: attributes set on modules and classes behind the back of `reach.py`,
registered codecs, named loggers and the like stay for the later pairs of the same row.
"""

from __future__ import annotations

import _locale
import _signal  # type: ignore[import-not-found]
import _socket
import _thread
import asyncio.events
import encodings
import gc
import logging
import os
import random
import re
import resource
import signal
import sys
import time
import typing
import warnings
from builtins import BaseException, all, any, dict, frozenset, getattr, int, isinstance, len, list, map, str  # noqa: UP029
from contextlib import suppress
from operator import is_
from typing import Any

# Emptied after every pair that wrote there. Only what the jail mounted for this purpose, or what the degraded mode
# made: never a folder of the machine's own.
SCRATCH = tuple(os.environ["CODERM_SCRATCH"].split(":")) if "CODERM_SCRATCH" in os.environ else ()
_MOUNTED = {path: frozenset(os.listdir(path)) for path in SCRATCH}  # noqa: PTH208  # the interpreter's own
_WATCHED_SIGNALS = tuple(map(int, (signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGTERM, signal.SIGINT,
                                   signal.SIGUSR1, signal.SIGUSR2, signal.SIGVTALRM, signal.SIGCHLD, signal.SIGHUP,
                                   signal.SIGPIPE)))
_CLEAR: list[Any] = list(getattr(typing, "_cleanups", ()))
_codecs_by_name: dict[str, Any] = vars(encodings)["_cache"]
_DEEPEST = 10_000  # folders within folders
_THRESHOLD = 20_000, 20, 20
_GROWTH_PAGES = (32 << 20) // resource.getpagesize()
_WATCHED_LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE,
                   resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_STACK)


class House:
    """The state of the process as it was before the first pair."""

    def __init__(self, scratch: tuple[str, ...] = SCRATCH) -> None:
        """`scratch` are the folders to be emptied: none where another process does that."""
        self._cwd = os.getcwd()  # noqa: PTH109
        self._streams = sys.stdin, sys.stdout, sys.stderr
        self._environ = dict(os.environ._data)  # type: ignore[attr-defined]  # bytes: compared without decoding
        self._path, self._argv = list(sys.path), list(sys.argv)
        self._modules = {name: module for name, module in sys.modules.items() if name != "solution"}
        self._log = list(logging.root.handlers), logging.root.level, logging.root.manager.disable
        self._filters = list(warnings.filters)
        self._recursion = sys.getrecursionlimit()
        self._locale = _locale.setlocale(_locale.LC_ALL)
        self._random = random.Random(0).getstate()  # not this process's own state: every fork draws a new one
        self._handlers = list(map(_signal.getsignal, _WATCHED_SIGNALS))
        self._scratch: list[tuple[str, tuple[int, int] | None]] = [(path, None) for path in scratch]
        self.empty_scratch()
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._pages = self.address_space()
        self._lowest_free_fd = self._free_fd()
        self._digits, self._switch = sys.get_int_max_str_digits(), sys.getswitchinterval()
        self._zone = time.tzname
        self._codecs = len(_codecs_by_name)
        self._umask = os.umask(0o022)
        os.umask(self._umask)
        self._limits = list(map(resource.getrlimit, _WATCHED_LIMITS))
        gc.set_threshold(*_THRESHOLD)

    @staticmethod
    def _stamp(path: str) -> tuple[int, int]:
        status = os.stat(path)  # noqa: PTH116
        return status.st_mtime_ns, status.st_nlink

    @staticmethod
    def _free_fd() -> int:
        fd = os.dup(0)
        os.close(fd)
        return fd

    def address_space(self) -> int:
        """Pages that the process has mapped."""
        return int(os.pread(self._statm, 32, 0).split(None, 1)[0])

    def forget(self) -> None:
        """Empty what the library remembers of things that it was given: `List[1.0]` is found again as `List[1]`, names
        of codecs that there are not are kept."""
        for clear in _CLEAR:
            clear()
        if len(_codecs_by_name) > self._codecs:
            for name in list(_codecs_by_name)[self._codecs :]:
                del _codecs_by_name[name]

    def reclaim(self) -> None:
        """Where the address space has grown much, collect garbage and forget patterns, which the next would lack."""
        pages = self.address_space()
        if pages > self._pages + _GROWTH_PAGES:
            re.purge()
            gc.collect()
            self._pages = self.address_space()
        elif pages < self._pages:
            self._pages = pages

    def seed(self) -> None:
        """Give every pair the same random numbers, numpy's included."""
        random.setstate(self._random)
        numpy_random = sys.modules.get("numpy.random")
        if numpy_random is not None:
            numpy_random.seed(0)

    def tidy(self) -> bool:
        """Put everything back; False where only a new process can (threads, children, handlers, descriptors)."""
        try:
            return self._tidy()
        except BaseException:  # whatever the candidate broke here, a new process has not got
            return False

    def _tidy(self) -> bool:
        sys.stdin, sys.stdout, sys.stderr = self._streams
        os.chdir(self._cwd)
        sys.argv = list(self._argv)
        sys.setrecursionlimit(self._recursion)
        sys.set_int_max_str_digits(self._digits)
        sys.setswitchinterval(self._switch)
        os.umask(self._umask)
        sys.set_asyncgen_hooks(None, None)
        gc.enable()
        gc.set_threshold(*_THRESHOLD)
        self.forget()
        self.reclaim()
        signal.setitimer(signal.ITIMER_REAL, 0)
        _thread.stack_size(0)
        _socket.setdefaulttimeout(None)
        asyncio.events._event_loop_policy = None  # type: ignore[attr-defined]  # it knows of loops run or set
        asyncio.events._set_running_loop(None)
        self._tidy_logging()
        if os.environ._data != self._environ:  # type: ignore[attr-defined]
            for name in os.environ._data.keys() - self._environ.keys():  # type: ignore[attr-defined]
                os.unsetenv(name)
            for name, value in self._environ.items():
                os.putenv(name, value)
            os.environ._data.clear()  # type: ignore[attr-defined]
            os.environ._data.update(self._environ)  # type: ignore[attr-defined]
        if time.tzname != self._zone:
            time.tzset()
        if sys.path != self._path:
            sys.path[:] = self._path
        if warnings.filters != self._filters:
            warnings.resetwarnings()
            warnings.filters[:] = self._filters  # type: ignore[index]
        if _locale.setlocale(_locale.LC_ALL) != self._locale:
            _locale.setlocale(_locale.LC_ALL, self._locale)
        sys.modules.pop("solution", None)
        known = self._modules
        if len(sys.modules) < len(known) or not all(map(is_, sys.modules.values(), known.values())):
            return False  # and left as it is: whether that was tampering is for the guard to see
        if len(sys.modules) != len(known):
            for name in sys.modules.keys() - known.keys():
                if not _is_installed(sys.modules[name]):
                    del sys.modules[name]
            self._modules = dict(sys.modules)
        return (
            self.empty_scratch()
            and not any(stream.closed for stream in self._streams)  # detached, it raises
            and _thread._count() == 0
            and not _has_children()
            and self._free_fd() == self._lowest_free_fd
            and not _signal.pthread_sigmask(_signal.SIG_BLOCK, ())
            and list(map(_signal.getsignal, _WATCHED_SIGNALS)) == self._handlers
            and list(map(resource.getrlimit, _WATCHED_LIMITS)) == self._limits
        )

    def empty_scratch(self) -> bool:
        """Remove what a candidate, or what it started, has written; whether nothing is left."""
        for number, (path, stamp) in enumerate(self._scratch):
            if self._stamp(path) != stamp:
                if not _empty(path, _MOUNTED[path]):
                    return False
                self._scratch[number] = path, self._stamp(path)
        return True

    def _tidy_logging(self) -> None:
        handlers, level, disable = self._log
        logging.root.handlers[:] = handlers
        if logging.root.level != level:
            logging.root.setLevel(level)
        if logging.root.manager.disable != disable:
            logging.disable(disable)


def sweep() -> None:
    """Empty the scratch of what dead processes have left: before a cell is begun, so that no pair pays for it."""
    for path in SCRATCH:
        _empty(path, _MOUNTED[path])


def _has_children() -> bool:
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return False
    return True


def _is_installed(module: Any) -> bool:
    """Whether a module newly in sys.modules came from the interpreter's own folders."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return origin in ("built-in", "frozen") or (
        isinstance(origin, str) and not any(origin.startswith(scratch) for scratch in SCRATCH))


def _empty(folder: str, keep: frozenset[str]) -> bool:
    """Remove all in a folder but what is to be kept, however deep, whatever its permissions; whether that worked.

    Folders within folders are moved up first, so that no path grows too long and nothing recurses. Where something new
    appears all the while, somebody who writes is still alive.
    """
    deeper = True
    for _ in range(_DEEPEST):
        names = [name for name in os.listdir(folder) if name not in keep]  # noqa: PTH208
        if not names or not deeper:
            return not names
        deeper = False
        for path in [os.path.join(folder, name) for name in names]:  # noqa: PTH118
            with suppress(OSError):
                if os.path.islink(path) or not os.path.isdir(path):  # noqa: PTH112, PTH114
                    os.unlink(path)  # noqa: PTH108
                    continue
                os.chmod(path, 0o700)  # noqa: PTH101
                for inner in list(os.scandir(path)):
                    if inner.is_dir(follow_symlinks=False):
                        deeper = True
                        os.chmod(inner.path, 0o700)  # noqa: PTH101
                        os.rename(inner.path, os.path.join(folder, os.urandom(8).hex()))  # noqa: PTH104, PTH118
                    else:
                        os.unlink(inner.path)  # noqa: PTH108
                os.rmdir(path)  # noqa: PTH106
    return False
