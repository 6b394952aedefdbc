"""Plain data across the wire between judge and candidate: encoded as JSON arrays, decoded into exact types only.

    None, bool, str, int, float          themselves (an int beyond 64 bits: ["i", hex])
    ["l", ...] list   ["t", ...] tuple   ["d", k, v, ...] dict   ["s", ...] set   and so on, see `_Encoder`
    ["@", n]                             the n-th mutable container of this message once more (aliases, cycles)

Whatever arrives can become nothing but these types: a subclass, an object or a function of the candidate's travels as
a handle, which the `strange` hooks make and resolve. Nothing is ever executed; what does not fit raises Malformed.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import functools
import sys
from collections.abc import Callable
from typing import Any

from .named import name_of

MAX_DEPTH = 400
_SMALL = 1 << 62
_FACTORIES = {"int": int, "list": list, "dict": dict, "set": set, "str": str, "float": float, "tuple": tuple,
              "bool": bool}


class Malformed(Exception):
    """A message that is not of the format, or a value that cannot be put into it."""


class Encoder:
    """Encodes the values of one message; `objects` are its mutable containers in order of appearance."""

    def __init__(self, strange: Callable[[Any], Any], known: list[Any] | None = None) -> None:
        """`strange` encodes what is not plain; `known` are containers that the other side has already."""
        self._strange = strange
        self.objects: list[Any] = list(known or ())
        self._index = {id(value): i for i, value in enumerate(self.objects)}
        self._depth = 0

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if kind is str or kind is float or kind is bool or value is None:
            return value
        if kind is int:
            return value if -_SMALL < value < _SMALL else ["i", hex(value)]
        if id(value) in self._index:
            return ["@", self._index[id(value)]]
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Malformed("nested too deeply")
        try:
            how = _ENCODERS.get(kind)
            if how is None:
                return self._other(value, kind)
            return how(self, value)
        finally:
            self._depth -= 1

    def contents(self, value: Any) -> Any:
        """A mutable container's body as it is now, whether or not it is known."""
        how: Callable[..., Any] = _ENCODERS.get(type(value), Encoder._array)
        return how(self, value, known=True)

    def _mutable(self, value: Any, known: bool) -> None:
        if not known:
            self._index[id(value)] = len(self.objects)
            self.objects.append(value)

    def _list(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        return ["l", *map(self.encode, value)]

    def _dict(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        return [_DICTS[type(value)], *self._items(value)]

    def _items(self, value: Any) -> list[Any]:
        return [self.encode(part) for pair in value.items() for part in pair]

    def _defaultdict(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        factory = value.default_factory
        name = next((n for n, f in _FACTORIES.items() if f is factory), None)
        return ["dd", name if name or factory is None else self._strange(factory), *self._items(value)]

    def _set(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        return ["s", *map(self.encode, value)]

    def _bytearray(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        return ["B", value.decode("latin-1")]

    def _deque(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        return ["q", value.maxlen, *map(self.encode, value)]

    def _tuple(self, value: Any) -> Any:
        return ["t", *map(self.encode, value)]

    def _frozenset(self, value: Any) -> Any:
        return ["fs", *map(self.encode, value)]

    def _datetime(self, value: Any) -> Any:
        zone = value.tzinfo
        if zone is not None and type(zone) is not datetime.timezone:
            return self._strange(value)
        parts = [value.hour, value.minute, value.second, value.microsecond, value.fold,
                 None if zone is None else zone.utcoffset(None).total_seconds()]
        return ["T", *parts] if type(value) is datetime.time else ["DT", value.year, value.month, value.day, *parts]

    def _array(self, value: Any, known: bool = False) -> Any:
        self._mutable(value, known)
        return _numbers(value, is_array=True)

    def _other(self, value: Any, kind: type) -> Any:
        name = name_of(value)
        if name is not None:
            return ["y", name]
        if is_mutable(value):
            return self._array(value)
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.generic) and kind.__module__ == "numpy":
            if value.dtype.kind in _DTYPES:
                return _numbers(value, is_array=False)
        elif (kind.__mro__[1:] == (tuple, object) and type(getattr(kind, "_fields", 0)) is tuple
                and len(kind._fields) == len(value)):  # type: ignore[attr-defined]
            return ["nt", kind.__name__, list(kind._fields), *map(self.encode, value)]  # type: ignore[attr-defined]
        return self._strange(value)


_DICTS: dict[type, str] = {dict: "d", collections.Counter: "C", collections.OrderedDict: "od"}
_ENCODERS: dict[type, Callable[..., Any]] = {
    list: Encoder._list, tuple: Encoder._tuple, dict: Encoder._dict, collections.Counter: Encoder._dict,
    collections.OrderedDict: Encoder._dict, collections.defaultdict: Encoder._defaultdict, set: Encoder._set,
    frozenset: Encoder._frozenset, bytearray: Encoder._bytearray, collections.deque: Encoder._deque,
    datetime.datetime: Encoder._datetime, datetime.time: Encoder._datetime,
    bytes: lambda e, v: ["b", v.decode("latin-1")],
    complex: lambda e, v: ["c", v.real, v.imag],
    range: lambda e, v: ["r", e.encode(v.start), e.encode(v.stop), e.encode(v.step)],
    decimal.Decimal: lambda e, v: ["D", str(v)],
    fractions.Fraction: lambda e, v: ["F", e.encode(v.numerator), e.encode(v.denominator)],
    datetime.date: lambda e, v: ["da", v.year, v.month, v.day],
    datetime.timedelta: lambda e, v: ["td", v.days, v.seconds, v.microseconds],
    slice: lambda e, v: ["sl", e.encode(v.start), e.encode(v.stop), e.encode(v.step)],
}
_MUTABLE = frozenset({list, dict, collections.Counter, collections.OrderedDict, collections.defaultdict, set, bytearray,
                      collections.deque})
_DTYPES = frozenset("biufcUS")


def is_mutable(value: Any) -> bool:
    """Whether it travels as a container, whose contents are kept the same on both sides."""
    if type(value) in _MUTABLE:
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and value.dtype.kind in _DTYPES


def _numbers(value: Any, is_array: bool) -> list[Any]:
    return ["np", is_array, value.dtype.str, list(value.shape), value.tobytes().decode("latin-1")]


def refill(value: Any, fresh: Any) -> None:
    """Give a mutable container other contents, in place."""
    if isinstance(value, bytearray):
        value[:] = fresh
    elif type(value) not in _MUTABLE:
        if fresh.shape != value.shape:
            raise Malformed("an array of another shape")
        value[...] = fresh
    else:
        value.clear()
        (value.extend if isinstance(value, list | collections.deque) else value.update)(fresh)


class Decoder:
    """Decodes the values of one message; `objects` as in Encoder."""

    def __init__(self, strange: Callable[[list[Any]], Any], known: list[Any] | None = None) -> None:
        """`strange` makes the value of a tag that is not plain data; it raises Malformed for one it does not know."""
        self._strange = strange
        self.objects: list[Any] = list(known or ())

    def decode(self, node: Any) -> Any:
        """The value of a node. Raises Malformed."""
        if type(node) is not list:
            if isinstance(node, dict):
                raise Malformed("an object where an array belongs")
            return node
        try:
            how = _DECODERS.get(node[0])
            return self._strange(node) if how is None else how(self, node)
        except Malformed:
            raise
        except RecursionError:
            raise Malformed("nested too deeply") from None
        except Exception as error:
            raise Malformed(f"a value that cannot be built: {type(error).__name__}") from None

    def refill(self, value: Any, node: Any) -> None:
        """Give a container of the caller's own the contents that `node` describes, in place."""
        fresh = _BODIES[node[0]](self, node)
        if not is_mutable(value) or node[0] not in _TAGS_OF.get(type(value), ("np",)):
            raise Malformed("contents of another type")
        refill(value, fresh)

    def _parts(self, node: Any, start: int = 1) -> list[Any]:
        return [part if type(part) is not list else self.decode(part) for part in node[start:]]

    def _container(self, empty: Any, node: Any, start: int = 1) -> Any:
        self.objects.append(empty)
        parts = self._parts(node, start)
        if isinstance(empty, list | collections.deque):
            empty.extend(parts)
        elif isinstance(empty, set):
            empty.update(parts)
        else:
            for key, value in zip(parts[::2], parts[1::2], strict=True):
                empty[key] = value
        return empty

    def _known(self, node: Any) -> Any:
        index = node[1]
        if type(index) is not int or not 0 <= index < len(self.objects):
            raise Malformed("a reference to nothing")
        return self.objects[index]

    def _bytearray(self, node: Any) -> Any:
        value = bytearray(node[1], "latin-1")
        self.objects.append(value)
        return value

    def _integer(self, node: Any) -> int:
        return int(node[1], 16)

    def _named_tuple(self, node: Any) -> Any:
        return _named_tuple(str(node[1]), tuple(map(str, node[2])))(*self._parts(node, 3))

    def _numpy(self, node: Any) -> Any:
        import numpy

        _, is_array, dtype, shape, raw = node
        kind = numpy.dtype(str(dtype))
        if kind.hasobject:
            raise Malformed("an array of objects")
        array = numpy.frombuffer(raw.encode("latin-1"), dtype=kind).reshape([int(n) for n in shape]).copy()
        return array if is_array else array[()]

    def _numpy_object(self, node: Any) -> Any:
        value = self._numpy(node)
        if node[1]:
            self.objects.append(value)
        return value

    def _moment(self, node: Any) -> Any:
        *parts, fold, offset = node[1:]
        zone = None if offset is None else datetime.timezone(datetime.timedelta(seconds=offset))
        make: Any = datetime.time if node[0] == "T" else datetime.datetime
        return make(*parts, tzinfo=zone, fold=fold)


@functools.lru_cache(256)
def _named_tuple(name: str, fields: tuple[str, ...]) -> Any:
    return collections.namedtuple(name, fields)


def _pairs(decoder: Decoder, node: Any, start: int = 1) -> dict[Any, Any]:
    parts = decoder._parts(node, start)
    return dict(zip(parts[::2], parts[1::2], strict=True))


_DECODERS: dict[Any, Callable[[Decoder, Any], Any]] = {
    "@": Decoder._known,
    "i": Decoder._integer,
    "l": lambda d, n: d._container([], n),
    "t": lambda d, n: tuple(d._parts(n)),
    "d": lambda d, n: d._container({}, n),
    "C": lambda d, n: d._container(collections.Counter(), n),
    "od": lambda d, n: d._container(collections.OrderedDict(), n),
    "dd": lambda d, n: d._container(collections.defaultdict(
        d.decode(n[1]) if isinstance(n[1], list) else _FACTORIES.get(n[1])), n, 2),
    "s": lambda d, n: d._container(set(), n),
    "q": lambda d, n: d._container(collections.deque(maxlen=n[1]), n, 2),
    "fs": lambda d, n: frozenset(d._parts(n)),
    "B": Decoder._bytearray,
    "b": lambda d, n: n[1].encode("latin-1"),
    "c": lambda d, n: complex(n[1], n[2]),
    "r": lambda d, n: range(*d._parts(n)),
    "sl": lambda d, n: slice(*d._parts(n)),
    "D": lambda d, n: decimal.Decimal(n[1]),
    "F": lambda d, n: fractions.Fraction(*d._parts(n)),
    "da": lambda d, n: datetime.date(*n[1:]),
    "td": lambda d, n: datetime.timedelta(*n[1:]),
    "T": Decoder._moment,
    "DT": Decoder._moment,
    "nt": Decoder._named_tuple,
    "np": Decoder._numpy_object,
}
_BODIES: dict[Any, Callable[[Decoder, Any], Any]] = {
    "l": lambda d, n: d._parts(n), "s": lambda d, n: d._parts(n), "q": lambda d, n: d._parts(n, 2),
    "B": lambda d, n: n[1].encode("latin-1"), "d": _pairs, "C": _pairs, "od": _pairs,
    "dd": lambda d, n: _pairs(d, n, 2), "np": Decoder._numpy}
_TAGS_OF: dict[type, tuple[str, ...]] = {
    list: ("l",), dict: ("d",), collections.Counter: ("C",), collections.OrderedDict: ("od",),
    collections.defaultdict: ("dd",), set: ("s",), bytearray: ("B",), collections.deque: ("q",)}
