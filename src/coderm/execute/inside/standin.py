"""What stands in for a candidate's functions, classes and objects in the judge's process.

A stand-in holds a number and asks the candidate's process for everything else, through a `Remote`. Two stand-ins are
compared by what the candidate's class says, and that the candidate alone decided is noted.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from .named import described

if TYPE_CHECKING:
    from .remote import Remote

_own = object.__getattribute__


def _doc(thing: Any) -> Any:
    return thing._remote.ask("doc", _own(thing, "_target"))


DOC = property(_doc)


class StandInFunction:  # a function or bound method of the candidate's, whose docstring is that one's

    def __init__(self, remote: Remote, target: Any, how: str, method: str | None = None,
                 is_async: bool = False, may_judge: bool = False) -> None:
        """`may_judge` says of a method that its object is of a class which the test does not know of."""
        self._remote, self._target, self._how, self._method = remote, target, how, method
        self._may_judge = may_judge
        self._is_async = is_async or how == "await_call"
        self.__name__ = self.__qualname__ = method or str(target)
        self.__module__ = "solution"
        if self._is_async:  # for asyncio.iscoroutinefunction, and from Python 3.12 on for that of inspect
            self._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)
            self._is_coroutine_mark = getattr(inspect, "_is_coroutine_mark", None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._may_judge:
            _told(self._remote, (*args, *kwargs.values()))
        if self._is_async:
            return self._later(args, kwargs)
        if self._method is not None:
            args = (self._method, *args)
        return self._remote.ask(self._how, self._target, args, kwargs)

    async def _later(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._method is None:
            return self._remote.ask("await_call", self._target, args, kwargs)
        waiting = self._remote.ask("method", self._target, (self._method, *args), kwargs)
        return await waiting

    @property
    def __doc__(self) -> Any:  # type: ignore[override]
        return self._remote.ask("doc", self._target, () if self._method is None else (self._method,))

    def __get__(self, instance: Any, owner: type) -> StandInFunction:
        return self  # as an attribute of a test class it must not become a bound method

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__wrapped__", "__annotations__", "__defaults__"):
            raise AttributeError(name)
        if self._method is not None:
            raise AttributeError(name)
        return self._remote.attribute(self._target, name)


def _told(remote: Remote, values: tuple[Any, ...]) -> None:
    """An object of a class that the test does not know of is told something, which may be the expected value."""
    if any(not isinstance(value, StandIn | StandInFunction | StandInType) for value in values):
        remote.self_judged = True


_TALKS = frozenset({"send", "asend", "throw", "athrow"})  # a generator has no class to be mentioned, nor has a function


class StandInType(type):
    """The class of stand-ins for one class of the candidate's: can be called, subclassed, asked for attributes.

    Exceptions have it too, whose stand-ins are exceptions to be raised here.
    """

    def __new__(mcs, name: str, bases: tuple[type, ...], about: dict[str, Any], **options: Any) -> Any:
        if "_remote" in about or any(issubclass(base, BaseException) for base in bases):
            return super().__new__(mcs, name, bases, about)
        base = next(base for base in bases if isinstance(base, StandInType))
        return base._remote.derive(name, bases, base, about, options)  # the test's own subclass

    def __init__(cls, name: str, bases: tuple[type, ...], about: dict[str, Any], **options: Any) -> None:
        super().__init__(name, bases, about)

    @property
    def __doc__(cls) -> Any:  # type: ignore[override]
        if vars(cls).get("_remote") is None:  # the test's own subclass
            return vars(cls)["__doc__"]
        return cls._remote.ask("doc", cls._class_target)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if vars(cls).get("_remote") is None and issubclass(cls, BaseException):
            return super().__call__(*args, **kwargs)  # the test's own exception
        return cls._remote.ask("call", cls._class_target, args, kwargs)

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        remote: Remote = type.__getattribute__(cls, "_remote")
        return remote.attribute(type.__getattribute__(cls, "_class_target"), name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name.startswith("__") or name.startswith("_abc_"):
            type.__setattr__(cls, name, value)
        else:
            cls._remote.ask("set", cls._class_target, (name, value))

    def __delattr__(cls, name: str) -> None:
        cls._remote.ask("del", cls._class_target, (name,))

    def __iter__(cls) -> Any:
        return iter(cls._remote.ask("iter", cls._class_target))

    def __bool__(cls) -> bool:
        return True

    def __len__(cls) -> int:
        length = int(cls._remote.ask("len", cls._class_target))
        cls._remote.self_judged = True
        return length

    def __getitem__(cls, key: Any) -> Any:
        return cls._remote.ask("getitem", cls._class_target, (key,))

    def __contains__(cls, value: Any) -> bool:
        cls._remote.self_judged = True
        return bool(cls._remote.ask("contains", cls._class_target, (value,)))


class Inherited:
    """What `super()` finds in a candidate's class under a name that the test's subclass has given a new meaning."""

    def __init__(self, derived: Any, name: str) -> None:
        self._derived, self._name = derived, name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self._derived._remote.ask("inherited", _own(instance, "_target"), (self._derived, self._name))


class _Init:
    """`Base.__init__(self)` in a method of the test's; here itself none is ever initialized."""

    def __get__(self, instance: Any, owner: Any) -> Any:
        target = owner._class_target if instance is None else _own(instance, "_target")
        return owner._remote.attribute(target, "__init__")


class StandIn(metaclass=StandInType):
    """An object of the candidate's."""

    _remote: Any = None
    _class_target: Any = None
    __init__ = _Init()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in ("__name__", "__qualname__", "__wrapped__"):
            raise AttributeError(name)
        remote = self._remote
        may_judge = name not in _TALKS and not remote.knows(type(self))
        return remote.attribute(_own(self, "_target"), name, may_judge)

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote.ask("set", _own(self, "_target"), (name, value))

    def __delattr__(self, name: str) -> None:
        self._remote.ask("del", _own(self, "_target"), (name,))

    def __eq__(self, other: object) -> Any:
        return _compared(self, "eq", other, False)

    def __ne__(self, other: object) -> Any:
        return _compared(self, "ne", other, True)

    def __hash__(self) -> int:
        target = _own(self, "_target")
        value = self._remote.ask("hash", target)
        if value is None:
            return hash(target)
        self._remote.self_judged = True
        return int(value)

    def __copy__(self) -> Any:
        return self._remote.ask("copy", _own(self, "_target"))

    def __deepcopy__(self, memo: Any) -> Any:
        return self._remote.ask("deepcopy", _own(self, "_target"))

    def __bool__(self) -> bool:
        self._remote.self_judged = True
        return self._remote.ask("bool", _own(self, "_target")) is True

    def __len__(self) -> int:
        length = int(self._remote.ask("len", _own(self, "_target")))  # `list` asks even what has none
        self._remote.self_judged = True
        return length

    def __contains__(self, value: Any) -> bool:
        self._remote.self_judged = True
        return self._remote.ask("contains", _own(self, "_target"), (value,)) is True

    def __exit__(self, kind: Any, error: Any, trace: Any) -> Any:
        about = () if error is None else described(error)
        return _swallows(self, kind, self._remote.ask("exit", _own(self, "_target"), about))

    def __await__(self) -> Any:
        return _finished(self._remote.ask("await", _own(self, "_target"))).__await__()

    async def __aenter__(self) -> Any:
        return await self._remote.ask("aenter", _own(self, "_target"))

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> Any:
        about = () if error is None else described(error)
        return _swallows(self, kind, await self._remote.ask("aexit", _own(self, "_target"), about))

    async def __anext__(self) -> Any:
        return await self._remote.ask("anext", _own(self, "_target"))


def _swallows(manager: StandIn, kind: Any, answer: Any) -> bool:
    """Whether the block's exception goes no further: on the candidate's word, but never where an assertion failed."""
    if kind is None or not answer:
        return False
    type(manager)._remote.self_judged = True
    return not issubclass(kind, AssertionError)


async def _finished(value: Any) -> Any:
    return value


def _compared(one: StandIn, how: str, other: object, otherwise: bool) -> Any:
    """Equality with plain data is always refused; between two of the candidate's objects its class decides."""
    if not isinstance(other, StandIn):
        return otherwise
    remote: Remote = type(one)._remote
    remote.self_judged = True
    return remote.ask(how, _own(one, "_target"), (other,)) is True


_ORDERS = frozenset({"lt", "le", "gt", "ge"})
_MEASURES = _ORDERS | {"sub", "isub", "rsub"}
_ARITHMETIC = frozenset((
    "add sub mul truediv floordiv mod pow matmul lshift rshift and_ or_ xor divmod "
    "radd rsub rmul rtruediv rfloordiv rmod rpow rmatmul rlshift rrshift rand ror rxor rdivmod "
    "iadd isub imul itruediv ifloordiv imod ipow iand ior ixor").split())


def _forward(how: str) -> Any:
    def operation(self: StandIn, *args: Any) -> Any:
        if how in _ORDERS:
            self._remote.self_judged = True
        if args and not isinstance(args[0], StandIn):
            if how == "getitem" and not self._remote.knows(type(self)):
                _told(self._remote, args)
            if how in _MEASURES:
                self._remote.measure(type(self))
            result = self._remote.ask(how, _own(self, "_target"), args)
            if how in _ARITHMETIC and not (isinstance(result, StandIn) and self._remote.is_named(type(self))):
                self._remote.self_judged = True  # what it was given may be the expected value
            return result
        return self._remote.ask(how, _own(self, "_target"), args)

    return operation


for _how in (*_ORDERS, *_ARITHMETIC, *("iter next str repr int float index abs neg pos invert round floor ceil trunc "
                                       "getitem setitem delitem reversed format enter aiter").split()):
    type.__setattr__(StandIn, f"__{_how.rstrip('_')}__", _forward(_how))
type.__setattr__(StandIn, "__call__", lambda self, *a, **k: self._remote.ask("call", _own(self, "_target"), a, k))
