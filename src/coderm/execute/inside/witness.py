"""Behaviour: what each call that a test makes of the solution's functions returned or raised, as fingerprints.

A test whose expected value is wrong fails every candidate alike, yet its input still tells candidates apart. A call
is known by its function and arguments, whichever test makes it. Values are fingerprinted as plain data: equal where
Python calls them equal (1 == 1.0 == True, sets without order), exact types only, bounded in size.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import hashlib
import sys
import types
from collections.abc import Callable
from typing import Any

from .board import Board

MAX_NODES = 20_000
UNFINISHED = 0  # in the event of a call that had not come back when its process ended


def fingerprint(value: Any) -> int:
    """A positive 62-bit number, the same for equal plain data."""
    parts: list[bytes] = []
    _describe(value, parts, [MAX_NODES])
    digest = hashlib.blake2b(b"".join(parts), digest_size=8).digest()
    return (int.from_bytes(digest, "little") >> 2) + 1


def _describe(value: Any, parts: list[bytes], budget: list[int]) -> None:
    """Append a prefix-free description of the value; what is beyond the budget counts by its type alone."""
    kind = type(value)
    budget[0] -= 1
    if budget[0] < 0:
        parts.append(b"~")
        return
    if kind is str or kind is bytes or kind is bytearray:
        raw = value.encode("utf-8", "surrogatepass") if kind is str else bytes(value)
        parts.append(b"%c%d:%b" % (115 if kind is str else 98, len(raw), raw))
    elif kind is int or kind is bool or kind is float or kind is fractions.Fraction or kind is decimal.Decimal:
        parts.append(b"n%d;" % hash(value) if value == value else b"nan;")
    elif kind is complex:
        _describe(value.real, parts, budget) if value.imag == 0 else parts.append(b"c%b;" % repr(value).encode())
    elif kind is list or kind is tuple or kind is collections.deque or tuple in kind.__mro__[:2]:
        parts.append(b"%c%d[" % (116 if kind is not list and kind is not collections.deque else 108, len(value)))
        for item in tuple.__iter__(value) if isinstance(value, tuple) else value:
            _describe(item, parts, budget)
    elif kind is set or kind is frozenset:
        parts.append(b"S%d[" % len(value))
        parts.append(b"".join(sorted(_alone(item, budget) for item in value)))
    elif kind in (dict, collections.Counter, collections.OrderedDict, collections.defaultdict):
        parts.append(b"d%d[" % len(value))
        parts.append(b"".join(sorted(_alone(k, budget) + _alone(v, budget) for k, v in value.items())))
    elif value is None or kind in (range, datetime.date, datetime.datetime, datetime.time, datetime.timedelta):
        parts.append(b"v%b;" % repr(value).encode())
    else:
        numpy = sys.modules.get("numpy")
        if numpy is not None and kind.__module__ == "numpy" and isinstance(value, numpy.ndarray | numpy.generic) \
                and value.dtype.kind in "biufcUS" and value.size <= MAX_NODES:
            if kind is numpy.ndarray:
                parts.append(b"a%b" % repr(value.shape).encode())
            _describe(value.tolist(), parts, budget)
        else:
            parts.append(b"o%b;" % str(type.__getattribute__(kind, "__name__")).encode("utf-8", "replace"))


def _alone(value: Any, budget: list[int]) -> bytes:
    parts: list[bytes] = []
    _describe(value, parts, budget)
    return b"".join(parts)


class Witness:
    """Stands between a test and the solution's functions and notes on the board what comes back."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.place = 0

    def watch(self, name: str, thing: Any) -> Any:
        """The thing itself, or for a function one that calls it and notes the call."""
        if isinstance(thing, type) or not callable(thing):
            return thing

        def noted(*args: Any, **kwargs: Any) -> Any:
            event = self._board.note(self.place, self._call(name, args, kwargs))
            try:
                result = thing(*args, **kwargs)
            except BaseException as error:
                self._board.amend(event, -fingerprint(type(error).__name__))
                raise
            self._board.amend(event, self._result(result))
            return result

        if isinstance(thing, types.FunctionType):
            noted.__name__, noted.__doc__, noted.__wrapped__ = name, thing.__doc__, thing  # type: ignore[attr-defined]
        return noted

    @staticmethod
    def _call(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
        return _bounded(lambda: fingerprint([name, list(args), kwargs]))

    @staticmethod
    def _result(result: Any) -> int:
        return _bounded(lambda: fingerprint(result))


def _bounded(work: Callable[[], int]) -> int:
    """A value that contains itself, or is nested beyond the interpreter's depth, is one of a kind."""
    try:
        return work()
    except (RecursionError, MemoryError):
        return 1
