"""The judge's side of split mode's calls: sends them, brings back results and exceptions, keeps both sides in step."""

from __future__ import annotations

import builtins
import functools
import io
import operator
import sys
import threading
import weakref
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from .lent import METHODS
from .named import EXCEPTIONS, RAISED, described, is_verdict, named, named_exception
from .plain import Decoder, Encoder, Malformed, is_mutable
from .standin import DOC, Inherited, StandIn, StandInFunction, StandInType

if TYPE_CHECKING:
    from .talk import Talk

_own = object.__getattribute__
_real_input, _real_stdin, _real_stdout = builtins.input, sys.stdin, sys.stdout
_MOST_ANCESTORS = 50  # making a class takes the longer the more it has
_METHOD, _METHOD_ASYNC = object(), object()
_PLAIN_STREAMS: dict[type, str] = {io.StringIO: "text", io.TextIOWrapper: "bytes"}


class _Copy(NamedTuple):
    """The test's copy of a container of the candidate's, and what was in it when both were the same."""

    value: Any
    contents: Any

    def references(self) -> int:
        return sys.getrefcount(self.value)


_CONSTANT = (bool, int, float, str, type(None))
_UNHELD = _Copy([], None).references()  # for a container that the test has let go of


class Remote:
    """The candidate's names during one pair: makes stand-ins, sends calls, brings back results."""

    def __init__(self, talk: Talk, named: frozenset[str]) -> None:
        """`named` are the classes of the solution's that the test mentions."""
        self._talk, self._named = talk, named
        self._fresh = True
        self._lock = threading.RLock()  # a test may call from several threads, and the candidate call back meanwhile
        self._classes: dict[str, type] = {}
        self._kept: list[Any] = []
        self._streams: set[int] = set()  # which of them, as those below
        self._methods: set[int] = set()
        self._raised: list[Exception] = []  # by functions of the test's that the candidate called
        self._lent: dict[tuple[Any, str], _Copy] = {}  # by where it was read
        self.self_judged = False
        self.kept_back: list[Exception] = []
        """Failed assertions in functions of the test's that the candidate called, which it has not let through."""

    def measure(self, kind: type) -> None:
        """The test measures an object of the candidate's by plain data: notes it, or refuses as equality does.

        What it is measured by is often the expected value, which only a class that the test knows of may see.
        """
        if not self.is_named(kind):
            raise TypeError(f"an object of the candidate's class {kind.__name__} has no order with plain data")
        self.self_judged = True

    def is_named(self, kind: type) -> bool:
        """Whether the test mentions the class."""
        return kind.__name__.rpartition(".")[2] in self._named

    def knows(self, kind: type) -> bool:
        """Whether the test mentions the class or a base of it; others the candidate has thought of itself."""
        return any(self.is_named(base) for base in kind.__mro__)

    # -- calls ---------------------------------------------------------------------------------------------

    def ask(self, how: str, target: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        """Have the candidate do something; its result, or its exception raised here."""
        with self._lock:
            return self._ask(how, target, args, kwargs)

    def _ask(self, how: str, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> Any:
        if self._lent:
            self._settle()
        encoder = Encoder(self._strange_out)
        message = ["do", self._fresh, how, target, [encoder.encode(a) for a in args],
                   {k: encoder.encode(v) for k, v in (kwargs or {}).items()}, self._surroundings()]
        reply = self._talk.ask(message, self._back)
        self._fresh = False
        kind, body, *rest = reply
        if rest:
            decoder = Decoder(functools.partial(self._strange_in, receiver=target), encoder.objects)
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
            error = self.exception(body)
            self.kept_back = [kept for kept in self.kept_back if kept is not error]  # the test sees it now
            raise error
        raise Malformed(f"an answer that is {kind}: {body}")

    def _lend(self, target: Any, name: str, value: Any) -> Any:
        if is_mutable(value):
            self._lent[target, name] = _Copy(value, self._contents(value))
        return value

    def _contents(self, value: Any) -> Any:
        return Encoder(self._strange_out).contents(value)

    def _settle(self) -> None:
        """Bring what the test did to its copies of the containers to the candidate, before that runs again."""
        lent, self._lent = self._lent, {}
        for (target, name), copy in lent.items():
            if (now := self._contents(copy.value)) != copy.contents:
                self.ask("refill", target, (name, copy.value))
            if copy.references() > _UNHELD:
                self._lent[target, name] = _Copy(copy.value, now)

    def _surroundings(self) -> dict[str, Any]:
        """What the test has put in place of stdout, stdin and input(), which the candidate must see too."""
        found: dict[str, Any] = {}
        if sys.stdout is not _real_stdout or _is_altered(_real_stdout):
            found["out"] = self._stream(sys.stdout, has_text=False)
        if sys.stdin is not _real_stdin or _is_altered(_real_stdin):
            found["in"] = self._stream(sys.stdin, has_text=True)
        if builtins.input is not _real_input:
            found["input"] = self._keep(builtins.input)
        return found

    def _stream(self, stream: Any, has_text: bool) -> tuple[str, Any]:
        """How the candidate gets a stream of the test's: one like it with its text, or that one if it is special."""
        kind = _PLAIN_STREAMS.get(type(stream))
        if kind is None or _is_altered(stream):
            return "lent", self._keep(stream, is_stream=True)
        return kind, stream.read() if has_text else ""

    def _back(self, number: int, how: str, args: list[Any], kwargs: dict[str, Any]) -> list[Any]:
        """The candidate calls a function of the test's."""
        receiver = args[0][1] if number in self._methods else None
        decoder = Decoder(functools.partial(self._strange_in, receiver=receiver))
        values = [decoder.decode(a) for a in args]
        named = {str(k): decoder.decode(v) for k, v in kwargs.items()}
        try:
            thing = self._kept[number]
            if number in self._streams:
                thing = _method(thing, how)
            result = next(thing) if how == "next" else thing(*values, **named)
        except Exception as error:
            self._raised.append(error)
            if is_verdict(error):
                self.kept_back.append(error)
            elif isinstance(error, AssertionError):  # raised by hand, maybe to be caught: who knows what it decides
                self.self_judged = True
            return ["raised", *described(error), len(self._raised) - 1]
        return ["value", Encoder(self._strange_out).encode(result)]

    # -- what is not plain ---------------------------------------------------------------------------------

    @property
    def has_lent_functions(self) -> bool:
        """Whether the candidate has been given something of the test's to call."""
        return bool(self._kept)

    def _keep(self, value: Any, is_stream: bool = False) -> int:
        if is_stream:
            self._streams.add(len(self._kept))
        self._kept.append(value)
        return len(self._kept) - 1

    def _strange_out(self, value: Any) -> Any:
        kind = type(value)
        if isinstance(kind, StandInType) or isinstance(value, StandInFunction):
            return ["h", _own(value, "_target")]
        if isinstance(value, StandInType):
            return ["h", type.__getattribute__(value, "_class_target")]
        if EXCEPTIONS.get(kind.__name__) is kind:
            name, plain = described(value)
            if len(plain) == len(value.args):
                return ["e", name, plain]
        if type(value) is FunctionType:  # what a decorator takes over
            return ["j", self._keep(value), "function", value.__name__, value.__doc__]
        if isinstance(value, io.IOBase):
            return ["j", self._keep(value, is_stream=True), "stream", ""]
        if hasattr(kind, "__next__"):
            return ["j", self._keep(value), "iterator"]
        if callable(value):
            return ["j", self._keep(value), "callable"]
        raise TypeError(f"a {kind.__name__} cannot be passed to a candidate in split mode: only plain data, "
                        "functions, iterators and streams cross")

    @functools.cached_property
    def _met(self) -> weakref.WeakValueDictionary[int, StandIn]:
        """The stand-ins that the test holds, by the number of their object; few pairs need any."""
        return weakref.WeakValueDictionary()

    def _strange_in(self, node: list[Any], receiver: Any = None) -> Any:
        tag = node[0]
        if tag == "h":
            number = int(node[1])
            known = self._met.get(number)
            if known is None:
                return self.stand_in(self._own_class(node[2], node[3]), number)
            if number != receiver:  # lists and sets take what is identical for equal, without asking its class
                self.self_judged = True
            return known
        if tag == "k":
            return self._own_class(node[2], node[3], int(node[1]))
        if tag == "m":
            return _METHOD_ASYNC if node[1] else _METHOD
        if tag == "j":
            return self._kept[node[1]]
        if tag == "x":
            return self.exception(node[1])
        if tag == "y":
            thing = named(node[1])
            if isinstance(thing, type) and issubclass(thing, BaseException) and issubclass(AssertionError, thing):
                self.self_judged = True  # `except` with that may catch the test's own failure
            return thing
        raise Malformed(f"an unknown tag {tag!r}")

    def stand_in(self, kind: Any, target: int) -> StandIn:
        """The one stand-in for an object of the candidate's, made anew."""
        if issubclass(kind, BaseException):
            raise Malformed("an exception as a value")
        instance: StandIn = object.__new__(kind)
        object.__setattr__(instance, "_target", target)
        self._met[target] = instance
        return instance

    def _own_class(self, own: list[str], builtin: str | None, target: Any = None) -> Any:
        """As `_class_of`, for what is the candidate's: `except` with it must not catch the test's own failure."""
        if builtin is not None and not own:
            raise Malformed("a class of the library's for one of the candidate's own")
        return self._class_of(own, builtin, target)

    def _class_of(self, own: list[str], builtin: str | None, target: Any = None) -> Any:
        """The class that stands in for a candidate's class, made with its ancestors when first met."""
        if not own:
            if builtin is None:
                return StandInType("object", (StandIn,), {"_remote": self, "_class_target": target})
            return named_exception(builtin)
        if len(own) > _MOST_ANCESTORS:
            raise Malformed(f"a class with {len(own)} ancestors")
        name = str(own[0])
        if name not in self._classes:
            base = self._class_of(own[1:], builtin) if own[1:] or builtin else StandIn
            about = {"_remote": self, "_class_target": name if target is None else target, "__doc__": DOC,
                     "__module__": "solution"}
            if issubclass(base, BaseException):
                about |= {"__str__": _told_text(base), "__getattr__": StandIn.__getattr__}
            self._classes[name] = StandInType(name, (base,), about)
        return self._classes[name]

    def derive(self, name: str, bases: tuple[type, ...], base: Any, about: dict[str, Any],
               options: dict[str, Any]) -> type:
        """The test's own subclass of a class of the candidate's, made on both sides.

        There the test's methods call back, so the candidate's own code finds them; between the two classes here stands
        the one of there, by which `super()` finds what the test's methods have replaced.
        """
        functions = {key: value for key, value in about.items() if type(value) is FunctionType and key != "__new__"}
        getters = {key: value.fget for key, value in about.items() if isinstance(value, property)}
        constants = {key: value for key, value in about.items()
                     if type(value) in _CONSTANT and not key.startswith("__")}
        lent = len(self._kept)
        derived = self.ask("derive", base._class_target,
                           (f"{len(self._classes)}.{name}", functions | constants, getters, options))
        if not isinstance(derived, StandInType):  # nothing is to be set on a class of the library's
            raise Malformed("no class of the candidate's")
        self._methods.update(range(lent, len(self._kept)))
        for key in functions.keys() | getters.keys():
            type.__setattr__(derived, key, Inherited(derived, key))
        about = {key: value for key, value in about.items() if key not in constants}  # asked for like all that is there
        made = type.__new__(StandInType, name, tuple(derived if one is base else one for one in bases), about)
        self._classes[derived.__name__] = made
        return made

    def exception(self, body: Any) -> BaseException:
        """The candidate's exception, as it was told."""
        own, builtin, arguments, attributes, text, number = body
        if RAISED in attributes:
            raised: BaseException = self._raised[attributes[RAISED]]
            return raised
        kind = self._class_of(own, builtin or "Exception")
        args = [Decoder(self._strange_in).decode(a) for a in arguments]
        try:
            error: BaseException = type.__call__(kind, *args)
        except Exception:  # JSONDecodeError and the like want other arguments than they keep
            error = kind.__new__(kind, *args)
        if own:
            error._target = int(number)  # type: ignore[attr-defined]
            if text is not None:
                error._told = str(text)  # type: ignore[attr-defined]
        for name, value in attributes.items():
            if not str(name).startswith("__") or name in ("__cause__", "__notes__"):
                setattr(error, str(name), Decoder(self._strange_in).decode(value))
        return error

    def name(self, name: str, kind: list[Any]) -> Any:
        """The stand-in for a name that the solution defines."""
        if kind[0] == "class":
            return self._own_class(kind[1], kind[2])
        if kind[0] == "value":
            return self._lend(name, "", self.ask("get_name", name))
        if kind[0] == "named":
            return self.ask("get_name", name)
        return StandInFunction(self, name, how="await_call" if kind[0] == "async" else "call")

    def attribute(self, target: Any, name: str, may_judge: bool = False) -> Any:
        """An attribute of a candidate's object: plain data, a stand-in, or a method bound to it."""
        value = self.ask("get", target, (name,))
        if value is _METHOD:
            return StandInFunction(self, target, "method", name, may_judge=may_judge)
        if value is _METHOD_ASYNC:
            return StandInFunction(self, target, "method", name, is_async=True, may_judge=may_judge)
        return self._lend(target, name, value)


def _told_text(base: Any) -> Any:
    """`__str__` for an exception of the candidate's: what it said of itself, where it was raised there."""
    return lambda error: vars(error).get("_told") or base.__str__(error)


def _is_altered(stream: Any) -> bool:
    """Whether the test has set an attribute of the stream: `patch("sys.stdin.readline")`."""
    return len(vars(stream)) > ("mode" in vars(stream))


def _method(stream: Any, name: str) -> Any:
    if name.removeprefix("buffer.") not in METHODS:
        raise AttributeError(name)
    return operator.attrgetter(name)(stream)
