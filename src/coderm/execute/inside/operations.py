"""What a test does with an object of the candidate's other than calling it: every operation by its name on the wire."""

from __future__ import annotations

import copy
import math
import operator
import types
from collections.abc import Callable, Sequence
from typing import Any

from .named import EXCEPTIONS


def _set_attribute(thing: Any, name: str, value: Any) -> None:
    setattr(thing, name, value)


def _hash(thing: Any) -> int | None:
    """None where the object is equal to itself alone: then its number serves the judge as well."""
    value = hash(thing)
    equality: Any = type(thing).__eq__
    return None if equality is object.__eq__ else value


def _leaves(method: str) -> Callable[..., Any]:
    def leave(thing: Any, name: str | None = None, arguments: Sequence[Any] = ()) -> Any:
        """The test leaves the thing's block, by an exception where there is a name."""
        error = None if name is None else EXCEPTIONS.get(name, Exception)(*arguments)
        return getattr(type(thing), method)(thing, None if error is None else type(error), error, None)

    return leave


def _doc(thing: Any, name: str | None = None) -> Any:
    return (thing if name is None else getattr(thing, name)).__doc__


def _derive(base: type, name: str, functions: dict[str, Any], getters: dict[str, Any], options: dict[str, Any]) -> type:
    """The test's subclass of a class; it goes by a name that no other class has."""
    about = functions | {key: property(get) for key, get in getters.items()}
    about |= {"__module__": "solution", "__qualname__": name}
    return types.new_class(name.partition(".")[2], (base,), options, lambda namespace: namespace.update(about))


OPERATIONS: dict[str, Callable[..., Any]] = {
    "set": _set_attribute, "del": delattr, "iter": iter, "next": next, "len": len, "bool": bool, "str": str,
    "repr": repr, "int": int, "float": float, "index": operator.index, "abs": abs, "neg": operator.neg,
    "pos": operator.pos, "invert": operator.invert, "round": round, "contains": operator.contains,
    "getitem": operator.getitem, "setitem": operator.setitem, "delitem": operator.delitem, "reversed": reversed,
    "format": format, "hash": _hash, "doc": _doc, "copy": copy.copy, "deepcopy": copy.deepcopy, "divmod": divmod,
    "floor": math.floor, "ceil": math.ceil, "trunc": math.trunc, "rdivmod": lambda thing, other: divmod(other, thing),
    "derive": _derive, "inherited": lambda thing, derived, name: getattr(super(derived, thing), name),
    "enter": lambda thing: type(thing).__enter__(thing), "exit": _leaves("__exit__"),
    "aenter": lambda thing: type(thing).__aenter__(thing), "aexit": _leaves("__aexit__"),
    "anext": lambda thing: type(thing).__anext__(thing), "aiter": lambda thing: type(thing).__aiter__(thing),
}
OPERATIONS.update({name: getattr(operator, name) for name in (
    "eq ne lt le gt ge add sub mul truediv floordiv mod pow matmul lshift rshift and_ or_ xor iadd isub imul itruediv "
    "ifloordiv imod ipow iand ior ixor").split()})


def _reflected(name: str) -> Callable[..., Any]:
    operation = getattr(operator, name)
    return lambda thing, other: operation(other, thing)


OPERATIONS.update({f"r{name.rstrip('_')}": _reflected(name) for name in (
    "add sub mul truediv floordiv mod pow matmul lshift rshift and_ or_ xor").split()})
