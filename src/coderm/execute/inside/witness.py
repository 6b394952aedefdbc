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
MAX_EXPONENT = 10_000  # of a Decimal that is spelled out
UNFINISHED = 0  # in the event of a call that had not come back when its process ended
_own = object.__getattribute__


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
        parts.append(_number(value))
    elif kind is complex:
        real, imaginary = _number(value.real), _number(value.imag)
        parts.append(real if value.imag == 0 else b"c%b%b" % (real, imaginary))
    elif kind is range:
        first, last = (value[0], value[-1]) if value else (None, None)
        parts.append(b"r")
        _describe([first, last, value.step if first != last else None], parts, budget)
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
    elif value is None or kind in (datetime.date, datetime.datetime, datetime.time, datetime.timedelta):
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


def _number(value: Any) -> bytes:
    """Exact, and the same for numbers that Python calls equal, whatever their types."""
    if type(value) is decimal.Decimal and abs(value.adjusted()) > MAX_EXPONENT:
        return b"n%d;" % hash(value)  # as a ratio it may have more digits than there is memory
    try:
        return b"n%x/%x;" % value.as_integer_ratio()
    except ValueError:
        return b"nan;"
    except OverflowError:
        return b"inf;" if value > 0 else b"-inf;"


def _alone(value: Any, budget: list[int]) -> bytes:
    parts: list[bytes] = []
    _describe(value, parts, budget)
    return b"".join(parts)


class Witness:
    """Stands between a test and the solution's functions and notes on the board what comes back."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.place = 0

    def settle(self, verdict: int, cases: int, passed: int) -> None:
        """The pair is decided, and goes on for the sake of its calls alone: however that ends, this stands."""
        self.board.write(self.place, verdict, 0, cases, passed, 0)

    def watch(self, name: str, thing: Any) -> Any:
        """The thing itself, or for a function one that calls it and notes the call."""
        is_function = callable(thing) and not isinstance(thing, type) and _MORE.isdisjoint(dir(type(thing)))
        return _Noted(self, name, thing) if is_function else thing


_MORE = frozenset({"__len__", "__iter__", "__getitem__", "__add__", "__enter__", "__bool__"})
"""What an object that can be called, but is more than a function, may have: a `_Noted` would not."""


class _Noted:
    """A function of the solution's that notes its calls. Whoever asks for anything else gets the function's own."""

    def __init__(self, witness: Witness, name: str, thing: Any) -> None:
        object.__setattr__(self, "_parts", (witness, name, thing))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        witness, name, thing = _own(self, "_parts")
        call = _bounded(lambda: fingerprint([name, list(args), kwargs]))
        event = witness.board.note(witness.place, call)
        try:
            result = thing(*args, **kwargs)
        except BaseException as error:
            witness.board.amend(event, -fingerprint(type(error).__name__))
            raise
        witness.board.amend(event, _bounded(lambda: fingerprint(result)))
        return result

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As an attribute of a class of the test's it becomes a method where the function would."""
        thing = _function(self)
        binds = instance is not None and getattr(thing, "__get__", lambda *_: thing)(instance, owner) is not thing
        return types.MethodType(self, instance) if binds else self

    def __getattribute__(self, name: str) -> Any:
        thing = _function(self)
        if name == "__class__" and type(thing) is not types.FunctionType:
            return _Noted  # what else can be called is taken for what it is by how it was made
        return getattr(thing, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_function(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_function(self), name)

    def __eq__(self, other: object) -> Any:
        return _function(self) == (_function(other) if type(other) is _Noted else other)

    def __hash__(self) -> int:
        return hash(_function(self))

    def __repr__(self) -> str:
        return repr(_function(self))


def _function(noted: Any) -> Any:
    return _own(noted, "_parts")[2]


def _bounded(work: Callable[[], int]) -> int:
    """A value that contains itself, or is nested beyond the interpreter's depth, is one of a kind."""
    try:
        return work()
    except (RecursionError, MemoryError):
        return 1
