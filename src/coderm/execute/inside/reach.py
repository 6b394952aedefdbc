"""What a compiled text can reach. One that can reach nothing but its own objects needs no process of its own.

Such a text is called plain. It imports only modules without mutable state, names no builtin that opens, executes or
reflects, and reads or stores no attribute through which the interpreter, a frame, a class's internals or a module
could be changed. Nor has it code that runs when its garbage is collected, which may be in another candidate's time: a
generator that is dropped half way runs its `finally`, a coroutine too. The rule is a white list over the names in the
bytecode: what is not known to be harmless is not plain. It decides speed, never a verdict: plain candidates share a
process that is checked after each of them, all others get one of their own.
"""

from __future__ import annotations

import dis
import functools
import importlib
import inspect
from itertools import pairwise
from types import CodeType, ModuleType
from typing import NamedTuple

MODULES = frozenset({
    "__future__", "abc", "bisect", "cmath", "collections", "collections.abc", "dataclasses", "datetime", "enum",
    "fractions", "functools", "heapq", "itertools", "math", "numbers", "operator", "random", "re", "statistics",
    "string", "textwrap", "typing"})
_FORBIDDEN = frozenset({
    "open", "exec", "eval", "compile", "globals", "locals", "vars", "setattr", "delattr", "getattr", "breakpoint",
    "help", "input", "exit", "quit", "dir", "memoryview", "super", "classmethod", "property", "object", "type",
    "attrgetter", "methodcaller", "register", "mro", "gi_frame", "cr_frame", "ag_frame", "gi_code", "cr_code",
    "ag_code", "tb_frame", "tb_next", "f_back", "f_globals", "f_locals", "f_builtins", "f_code", "func",
    "singledispatch", "update_wrapper", "wraps", "partialmethod", "cached_property", "sys", "os",
    "builtins",
    "gc", "inspect", "types",
    "threading", "signal", "unittest", "TestCase", "mock", "asyncio", "importlib", "ctypes", "weakref", "copyreg",
    "warnings", "SystemRandom", "Template", "Formatter", "make_dataclass", "NewType"})
_ALLOWED_DUNDERS = frozenset({
    "__init__", "__name__", "__len__", "__str__", "__repr__", "__doc__", "__module__", "__qualname__",
    "__annotations__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__sub__", "__mul__", "__iter__",
    "__next__",
    "__getitem__", "__contains__", "__future__", "__firstlineno__", "__static_attributes__",
    "__conditional_annotations__"})
_TEST_NAMES = frozenset({"unittest", "TestCase", "type", "object"})
_COMMON = frozenset({"next", "count", "value", "name", "data", "index", "start", "stop", "step", "size"})
"""Attributes that many a text gives to objects of its own; refused only to one that names something which has them."""
_PUT_BACK = frozenset({"stdin", "stdout", "stderr", "argv", "maxDiff", "longMessage"})
"""Attributes of modules that are put back behind every pair (`house.py`), or that decide no verdict."""

_ATTRIBUTE_STORES = {dis.opmap["STORE_ATTR"], dis.opmap["DELETE_ATTR"]}
_IMPORT = dis.opmap["IMPORT_NAME"]
_MATCH_CLASS = dis.opmap["MATCH_CLASS"]
_HANDLER, _DELEGATE = dis.opmap["PUSH_EXC_INFO"], dis.opmap["SEND"]
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: a class whose attributes cannot be set
_EXTENDED = dis.opmap["EXTENDED_ARG"]


def operations(code: CodeType) -> list[tuple[int, int]]:
    """(operation, argument) of every instruction, extended arguments put together."""
    found = list(zip(code.co_code[::2], code.co_code[1::2], strict=True))
    if any(op == _EXTENDED for op, _ in found):
        high = 0
        for i, (op, arg) in enumerate(found):
            found[i] = op, arg | high
            high = (arg | high) << 8 if op == _EXTENDED else 0
    return found


def all_code(code: CodeType) -> list[CodeType]:
    """The code object and those nested in it."""
    found, stack = [], [code]
    while stack:
        current = stack.pop()
        found.append(current)
        stack += [c for c in current.co_consts if isinstance(c, CodeType)]
    return found


def bare(code: CodeType) -> CodeType:
    """The code without line numbers: equal for texts that differ in layout and comments alone."""
    constants = tuple(bare(c) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code.replace(co_consts=constants, co_linetable=b"", co_firstlineno=1)


class Reach(NamedTuple):
    """`plain`: needs no process of its own. `random`, `decimal`: uses that module's hidden state.

    `marks`: sets attributes of something that it imported, which lasts as long as the process.
    """

    plain: bool
    random: bool
    decimal: bool
    marks: bool = False


def reach(code: CodeType, *, is_test: bool = False) -> Reach:
    """What the text may touch. A test may name unittest; a candidate that does is not plain."""
    shared = shared_names()
    names: set[str] = set()
    stored: set[str] = set()
    plain, delegates = True, False
    for current in all_code(code):
        names.update(current.co_names)
        plain = plain and not current.co_flags & _ASYNC
        for op, arg in operations(current):
            if op == _IMPORT:
                module = current.co_names[arg]
                plain = plain and (module in MODULES or (is_test and module == "unittest"))
            elif op in _ATTRIBUTE_STORES:
                stored.add(current.co_names[arg])
            elif op == _MATCH_CLASS:
                plain = False  # reads attributes whose names are constants
            elif op == _HANDLER:
                plain = plain and not current.co_flags & inspect.CO_GENERATOR
            elif op == _DELEGATE:
                delegates = True
    if delegates and "__next__" in names:
        plain = False  # a generator that is dropped closes what it delegates to: a method of the text's own
    if plain:
        plain = stored.isdisjoint(shared.attributes) and all(
            stored.isdisjoint(shared.offered[name]) for name in names & shared.offered.keys())
    if plain:
        plain = names.isdisjoint(shared.forbidden - _TEST_NAMES if is_test else shared.forbidden) and all(
            name in _ALLOWED_DUNDERS if name.startswith("__") and name.strip("_") else name not in shared.attributes
            for name in names if name.startswith("_"))
    marks = _marks(code)
    random = not plain or "random" in names or "numpy" in names  # who is not plain may reach it under another name
    return Reach(plain and not marks, random, "decimal" in names or "Decimal" in names, marks)


def _marks(code: CodeType) -> bool:
    """Whether an attribute is stored that can be seen to belong to something imported."""
    codes = all_code(code)
    if not any(op in _ATTRIBUTE_STORES for current in codes for op in current.co_code[::2]):
        return False
    imported = {step.argval.partition(".")[0] for current in codes for step in dis.get_instructions(current)
                if step.opname in ("IMPORT_NAME", "IMPORT_FROM")}
    imported |= {following.argval for current in codes for step, following in
                 pairwise(s for s in dis.get_instructions(current) if s.opname != "CACHE")
                 if step.opname in ("IMPORT_NAME", "IMPORT_FROM") and following.opname.startswith("STORE_")}
    for current in codes:
        steps = [s for s in dis.get_instructions(current) if s.opname not in ("CACHE", "EXTENDED_ARG")]
        for number, step in enumerate(steps):
            if step.opcode in _ATTRIBUTE_STORES and step.argval not in _PUT_BACK:
                root = next((s for s in reversed(steps[:number]) if s.opname not in _ON_THE_WAY), None)
                if root is not None and root.opname.startswith("LOAD_") and root.argval in imported:
                    return True
    return False


_ON_THE_WAY = frozenset({"LOAD_ATTR", "SWAP", "COPY", "BINARY_OP", "LOAD_CONST", "LOAD_METHOD", "PRECALL", "NOP"})


class Shared(NamedTuple):
    """`attributes`: what the white-listed modules offer, which nobody plain may store to. `forbidden`: never named.

    `offered`: name of a module or of a class in it -> those of the common attributes that it has and lets be set.
    """

    attributes: frozenset[str]
    forbidden: frozenset[str]
    offered: dict[str, set[str]]


@functools.cache
def shared_names() -> Shared:
    """Read off the running interpreter, so that it holds for its version."""
    import unittest

    attributes = set(dir(unittest)) | set(dir(unittest.TestCase))
    forbidden = set(_FORBIDDEN)
    offered: dict[str, set[str]] = {}
    for module in map(importlib.import_module, MODULES):
        offered.setdefault(module.__name__, set()).update(_COMMON & vars(module).keys())
        for name, value in vars(module).items():
            attributes.add(name)
            kind = getattr(value, "__origin__", value)  # to set an attribute of typing.Sequence is to set it there
            if isinstance(kind, type) and not kind.__flags__ & _IMMUTABLE:
                offered.setdefault(name, set()).update(*(_COMMON & vars(base).keys() for base in kind.__mro__))
            if isinstance(value, ModuleType) and value.__name__ not in MODULES:
                forbidden.add(name)  # a way out of the white list
            elif isinstance(value, type):
                attributes.update(vars(value))
    return Shared(frozenset(attributes - _COMMON), frozenset(forbidden),
                  {name: common for name, common in offered.items() if common})
