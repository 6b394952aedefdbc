"""What stands in for a candidate's functions, classes and objects in the judge's process.

A stand-in holds a number and asks the candidate's process for everything else. Only plain data comes back; two
stand-ins are compared by what the candidate's class says, and that the candidate alone decided is noted.
"""

from __future__ import annotations

import builtins
import sys
from typing import TYPE_CHECKING, Any

from .plain import EXCEPTIONS, Decoder, Encoder, Malformed

if TYPE_CHECKING:
    from .seat import Seat

_own = object.__getattribute__
_real_input, _real_stdin, _real_stdout = builtins.input, sys.stdin, sys.stdout


class Remote:
    """The candidate's names during one pair: makes stand-ins, sends calls, brings back results."""

    def __init__(self, seat: Seat, named: frozenset[str]) -> None:
        """`named` are the names that the test mentions."""
        self._seat, self._named = seat, named
        self._fresh = True
        self._classes: dict[str, type] = {}
        self._kept: list[Any] = []
        self.self_judged = False

    def measure(self, kind: type) -> None:
        """The test measures an object of the candidate's by plain data: notes it, or refuses as equality does.

        What it is measured by is often the expected value, which only a class that the test knows of may see.
        """
        if kind.__name__.rpartition(".")[2] not in self._named:
            raise TypeError(f"an object of the candidate's class {kind.__name__} has no order with plain data")
        self.self_judged = True

    # -- calls ---------------------------------------------------------------------------------------------

    def ask(self, how: str, target: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        """Have the candidate do something; its result, or its exception raised here."""
        encoder = Encoder(self._strange_out)
        message = ["do", self._fresh, how, target, [encoder.encode(a) for a in args],
                   {k: encoder.encode(v) for k, v in (kwargs or {}).items()}, self._surroundings()]
        reply = self._seat.ask(message, self._back)
        if reply[0] == "again":  # the process could not be put back as it was: a new one, once
            self._seat.renew()
            reply = self._seat.ask(message, self._back)
        self._fresh = False
        kind, body, *rest = reply
        if rest:
            decoder = Decoder(self._strange_in, encoder.objects)
            changed, output = rest
            # containers first: the result may be one of the caller's own
            result = None if kind == "raised" else decoder.decode(body)
            for index, contents in changed:
                decoder.refill(encoder.objects[index], contents)
            if output:
                sys.stdout.write(str(output))
            if kind == "value":
                return result
        if kind == "raised":
            raise self._exception(body)
        raise Malformed(f"an answer of kind {kind!r}")

    def _surroundings(self) -> dict[str, Any]:
        """What the test has put in place of stdout, stdin and input(), which the candidate must see too."""
        found: dict[str, Any] = {}
        if sys.stdout is not _real_stdout:
            found["out"] = True
        if sys.stdin is not _real_stdin:
            found["in"] = sys.stdin.read()
        if builtins.input is not _real_input:
            found["input"] = self._keep(builtins.input)
        return found

    def _back(self, number: int, how: str, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
        """The candidate calls a function of the test's."""
        decoder = Decoder(self._strange_in)
        values = [decoder.decode(a) for a in args]
        named = {str(k): decoder.decode(v) for k, v in kwargs.items()}
        try:
            thing = self._kept[number]
            result = next(thing) if how == "next" else thing(*values, **named)
        except Exception as error:
            name = next(c.__name__ for c in type(error).__mro__ if EXCEPTIONS.get(c.__name__) is c)
            plain = [a for a in error.args if type(a) in (str, int, float, bool, type(None))]
            return ["raised", name, plain]
        return ["value", Encoder(self._strange_out).encode(result)]

    # -- what is not plain ---------------------------------------------------------------------------------

    def _keep(self, value: Any) -> int:
        self._kept.append(value)
        return len(self._kept) - 1

    def _strange_out(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(kind, StandInType) or isinstance(value, StandInFunction):
            return ["h", _own(value, "_target")]
        if isinstance(value, StandInType):
            return ["h", type.__getattribute__(value, "_class_target")]
        if hasattr(kind, "__next__"):
            return ["j", self._keep(value), True]
        if callable(value):
            return ["j", self._keep(value), False]
        raise TypeError(f"a {kind.__name__} cannot be passed to a candidate in split mode: only plain data, "
                        "functions and iterators cross")

    def _strange_in(self, node: list[Any]) -> Any:
        tag = node[0]
        if tag == "h":
            instance = object.__new__(self._class_of(node[2], node[3]))
            if not isinstance(instance, StandIn):
                raise Malformed("an exception as a value")
            object.__setattr__(instance, "_target", int(node[1]))
            return instance
        if tag == "k":
            return self._class_of(node[2], node[3], int(node[1]))
        if tag == "m":
            return _METHOD_ASYNC if node[1] else _METHOD
        if tag == "j":
            return self._kept[node[1]]
        raise Malformed(f"an unknown tag {tag!r}")

    def _class_of(self, own: list[str], builtin: str | None, target: Any = None) -> Any:
        """The class that stands in for a candidate's class, made with its ancestors when first met."""
        if not own:
            if builtin is None:
                return StandInType("object", (StandIn,), {"_remote": self, "_class_target": target})
            return EXCEPTIONS[builtin]
        name = str(own[0])
        if name not in self._classes:
            base = self._class_of(own[1:], builtin) if own[1:] or builtin else StandIn
            if issubclass(base, BaseException):
                self._classes[name] = type(name, (base,), {})
            else:
                about = {"_remote": self, "_class_target": name if target is None else target}
                self._classes[name] = StandInType(name, (base,), about)
        return self._classes[name]

    def _exception(self, body: Any) -> BaseException:
        own, builtin, arguments, attributes, text = body
        decoder = Decoder(self._strange_in)
        kind = self._class_of(own, builtin or "Exception")
        args = [decoder.decode(a) for a in arguments]
        try:
            error: BaseException = kind(*args)
        except Exception:  # UnicodeDecodeError and the like want their own arguments
            error = Exception(str(text))
        for name, value in attributes.items():
            if not str(name).startswith("__"):
                setattr(error, str(name), decoder.decode(value))
        return error

    def name(self, name: str, kind: list[Any]) -> Any:
        """The stand-in for a name that the solution defines."""
        if kind[0] == "class":
            return self._class_of(kind[1], kind[2])
        if kind[0] == "value":
            return self.ask("get_name", name)
        return StandInFunction(self, name, how="await_call" if kind[0] == "async" else "call")

    def attribute(self, target: Any, name: str) -> Any:
        """An attribute of a candidate's object: plain data, a stand-in, or a method bound to it."""
        value = self.ask("get", target, (name,))
        if value is _METHOD:
            return StandInFunction(self, target, "method", name)
        if value is _METHOD_ASYNC:
            return StandInFunction(self, target, "method", name, is_async=True)
        return value


_METHOD, _METHOD_ASYNC = object(), object()


class StandInFunction:
    """A function or bound method of the candidate's."""

    def __init__(self, remote: Remote, target: Any, how: str, method: str | None = None,
                 is_async: bool = False) -> None:
        self._remote, self._target, self._how, self._method = remote, target, how, method
        self._is_async = is_async or how == "await_call"
        self.__name__ = self.__qualname__ = method or str(target)
        self.__module__ = "solution"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
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

    def __get__(self, instance: Any, owner: type) -> StandInFunction:
        return self  # as an attribute of a test class it must not become a bound method

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name not in ("__doc__", "__wrapped__", "__annotations__", "__defaults__"):
            raise AttributeError(name)
        if self._method is not None:
            raise AttributeError(name)
        return self._remote.attribute(self._target, name)


class StandInType(type):
    """The class of stand-ins for one class of the candidate's: can be called, subclassed, asked for attributes."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        remote: Remote = cls._remote
        made = remote.ask("call", cls._class_target, args, kwargs)
        if not isinstance(made, StandIn):
            return made
        instance: Any = object.__new__(cls)  # type: ignore[arg-type]
        object.__setattr__(instance, "_target", _own(made, "_target"))
        return instance

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

    def __iter__(cls) -> Any:
        return iter(cls._remote.ask("iter", cls._class_target))

    def __len__(cls) -> int:
        return int(cls._remote.ask("len", cls._class_target))

    def __getitem__(cls, key: Any) -> Any:
        return cls._remote.ask("getitem", cls._class_target, (key,))

    def __contains__(cls, value: Any) -> bool:
        return bool(cls._remote.ask("contains", cls._class_target, (value,)))


class StandIn(metaclass=StandInType):
    """An object of the candidate's."""

    _remote: Any = None
    _class_target: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self._remote.attribute(_own(self, "_target"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._remote.ask("set", _own(self, "_target"), (name, value))

    def __delattr__(self, name: str) -> None:
        self._remote.ask("del", _own(self, "_target"), (name,))

    def __eq__(self, other: object) -> Any:
        return _compared(self, "eq", other, False)

    def __ne__(self, other: object) -> Any:
        return _compared(self, "ne", other, True)

    def __hash__(self) -> int:
        return hash(_own(self, "_target"))

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
        plain = (None if kind is None else Exception, None if error is None else str(error), None)
        return self._remote.ask("exit", _own(self, "_target"), plain)

    def __await__(self) -> Any:
        return _finished(self._remote.ask("await", _own(self, "_target"))).__await__()

    async def __aenter__(self) -> Any:
        return await self._remote.ask("aenter", _own(self, "_target"))

    async def __aexit__(self, *error: Any) -> Any:
        return await self._remote.ask("aexit", _own(self, "_target"), (None, None, None))

    async def __anext__(self) -> Any:
        return await self._remote.ask("anext", _own(self, "_target"))


async def _finished(value: Any) -> Any:
    return value


def _compared(one: StandIn, how: str, other: object, otherwise: bool) -> Any:
    """Equality with plain data is always refused; between two of the candidate's objects its class decides."""
    if not isinstance(other, StandIn):
        return otherwise
    remote: Remote = type(one)._remote
    remote.self_judged = True
    return remote.ask(how, _own(one, "_target"), (other,)) is True


_MEASURES = frozenset({"lt", "le", "gt", "ge", "sub", "isub"})


def _forward(how: str) -> Any:
    def operation(self: StandIn, *args: Any) -> Any:
        if how in _MEASURES and not isinstance(args[0], StandIn):
            self._remote.measure(type(self))
        return self._remote.ask(how, _own(self, "_target"), args)

    return operation


for _how in ("iter next str repr int float index abs neg pos invert round getitem setitem delitem reversed format "
             "enter aiter lt le gt ge add sub mul truediv floordiv mod pow matmul lshift rshift and_ or_ "
             "xor iadd isub imul "
             "itruediv ifloordiv imod ipow iand ior ixor").split():
    type.__setattr__(StandIn, f"__{_how.rstrip('_')}__", _forward(_how))
type.__setattr__(StandIn, "__call__", lambda self, *a, **k: self._remote.ask("call", _own(self, "_target"), a, k))
