"""What a compiled text can reach. One that can reach nothing but its own objects needs no process of its own.

Such a text is called plain. It names nothing but builtins and names of the standard library that are known to be
harmless (`harmless.py`), and reads or stores no attribute through which the interpreter, a frame, a class's internals
or a module could be changed: no name of an attribute may stand in a string either, as `str.format` would read it. What
stores attributes at all may name nothing that an attribute could be left on. Nor has a plain text code that runs when
its garbage is collected, which may be in another candidate's time: a generator that is dropped half way runs its
`finally`, a coroutine too. The rule is a white list over the names in the bytecode: what is not known to be harmless is
not plain. It decides speed, never a verdict: plain candidates share a process, all others get one of their own.
"""

from __future__ import annotations

import dis
import inspect
import re
import string
import unittest
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType
from typing import NamedTuple

from .harmless import MODULES, shared_names

_ALLOWED_DUNDERS = frozenset({
    "__init__", "__name__", "__len__", "__str__", "__repr__", "__doc__", "__module__", "__qualname__",
    "__annotations__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__sub__", "__mul__", "__iter__",
    "__next__",
    "__getitem__", "__contains__", "__future__", "__firstlineno__", "__static_attributes__",
    "__conditional_annotations__"})
_TEST_NAMES = frozenset({"unittest", "TestCase", "type", "object"})
_OF_TESTS = frozenset(dir(unittest)) | frozenset(dir(unittest.TestCase))
"""Attributes that nobody plain may set: a test may pass itself to the candidate."""
_PUT_BACK = frozenset({"stdin", "stdout", "stderr", "argv", "maxDiff", "longMessage"})
"""Attributes of modules that are put back behind every pair (`house.py`), or that decide no verdict."""

_ATTRIBUTE_STORES = {dis.opmap["STORE_ATTR"], dis.opmap["DELETE_ATTR"]}
_IMPORT = dis.opmap["IMPORT_NAME"]
_MATCH_CLASS = dis.opmap["MATCH_CLASS"]
_HANDLER, _DELEGATE = dis.opmap["PUSH_EXC_INFO"], dis.opmap["SEND"]
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_LOADS = re.compile(r"LOAD_(NAME|GLOBAL|FAST|DEREF|CLASSDEREF|CLOSURE|FROM_DICT)|STORE_FAST_LOAD_FAST")
_PLAIN_FIELD = re.compile(r"\w*")
_READS = {dis.opmap[name] for name in ("LOAD_ATTR", "LOAD_METHOD") if name in dis.opmap}
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
    """`plain`: needs no process of its own. `random`: uses that module's hidden state.

    `marks`: sets attributes of something that it imported, which lasts as long as the process.
    """

    plain: bool
    random: bool
    marks: bool = False


def reach(code: CodeType, *, is_test: bool = False) -> Reach:
    """What the text may touch. A test may name unittest; a candidate that does is not plain."""
    codes = all_code(code)
    names = {name for current in codes for name in current.co_names}
    marks = _marks(codes)
    random = "random" in names or "numpy" in names
    plain = not marks and _names_the_harmless(names, is_test) and _does_the_harmless(codes, names, is_test)
    return Reach(plain, random or not plain, marks)  # who is not plain may reach `random` under another name


def _names_the_harmless(names: set[str], is_test: bool) -> bool:
    shared = shared_names()
    return names.isdisjoint(shared.forbidden - _TEST_NAMES if is_test else shared.forbidden) and all(
        name in _ALLOWED_DUNDERS if name.startswith("__") and name.strip("_") else name not in shared.private
        for name in names if name.startswith("_"))


def _does_the_harmless(codes: list[CodeType], names: set[str], is_test: bool) -> bool:
    stored: set[str] = set()
    delegates = False
    for current in codes:
        if current.co_flags & _ASYNC:
            return False
        for op, arg in operations(current):
            if op == _IMPORT:
                module = current.co_names[arg]
                if not (module in MODULES or (is_test and module == "unittest")):
                    return False
            elif op in _ATTRIBUTE_STORES:
                stored.add(current.co_names[arg])
            elif op == _MATCH_CLASS:
                return False  # reads attributes whose names are constants
            elif op == _HANDLER:
                if current.co_flags & inspect.CO_GENERATOR:
                    return False
            elif op == _DELEGATE:
                delegates = True
    if delegates and "__next__" in names:
        return False  # a generator that is dropped closes what it delegates to: a method of the text's own
    if "format" in names and not all(map(_formats_the_harmless, codes)):
        return False
    if "__annotations__" in names and any(step.opcode in _READS and step.argval == "__annotations__"
                                          for current in codes for step in _steps(current)):
        return False  # those of a library's function would last; the compiler itself reads it as a variable
    return not stored or _keeps_modules_closed(codes, stored)


def _formats_the_harmless(code: CodeType) -> bool:
    """Whether every `format` that is read off something is that of a constant which reads no attributes itself."""
    return all(step.opcode not in _READS or step.argval != "format" or (
        before.opname == "LOAD_CONST" and isinstance(before.argval, str) and _reads_no_attribute(before.argval))
        for before, step in pairwise(_steps(code)))


def _reads_no_attribute(template: str) -> bool:
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:  # it fails before it reads anything
        return True
    return all(_PLAIN_FIELD.fullmatch(field or "") and _reads_no_attribute(specification or "")
               for _, field, specification, _ in fields)


def _keeps_modules_closed(codes: list[CodeType], stored: set[str]) -> bool:
    """Whether a text that stores attributes can store them on nothing that it shares with others.

    It reads single things off modules and does no more with these, and attributes can be set on none of what it reads.
    """
    shared = shared_names()
    if not stored.isdisjoint(shared.private | _OF_TESTS) or any(("*",) in current.co_consts for current in codes):
        return False
    bindings = [binding for current in codes for binding in _bindings(current)]
    modules = {target for name, target, whole in bindings if whole or name in shared.modules}
    if any(name in shared.settable for name, _, whole in bindings if not whole):
        return False
    for current in codes:
        for step, following in pairwise(_steps(current)):
            is_module = not modules.isdisjoint(_variables(step)) if _LOADS.match(step.opname) else (
                step.opcode in _READS and step.argval in shared.modules)
            if is_module and (following.opcode not in _READS or following.argval in shared.settable
                              or len(_variables(step)) > 1):
                return False
    return True


def _marks(codes: list[CodeType]) -> bool:
    """Whether an attribute is stored that can be seen to belong to something imported."""
    if not any(op in _ATTRIBUTE_STORES for current in codes for op in current.co_code[::2]):
        return False
    imported = {name for current in codes for binding in _bindings(current) for name in binding[:2]}
    for current in codes:
        steps = _steps(current)
        for number, step in enumerate(steps):
            if step.opcode in _ATTRIBUTE_STORES and step.argval not in _PUT_BACK:
                root = next((s for s in reversed(steps[:number]) if s.opname not in _ON_THE_WAY), None)
                if root is not None and root.opname.startswith("LOAD_") and root.argval in imported:
                    return True
    return False


_ON_THE_WAY = frozenset({"LOAD_ATTR", "SWAP", "COPY", "BINARY_OP", "LOAD_CONST", "LOAD_METHOD", "PRECALL", "NOP"})


def _steps(code: CodeType) -> list[dis.Instruction]:
    return [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "EXTENDED_ARG")]


def _variables(step: dis.Instruction) -> tuple[str, ...]:
    """The variables that an instruction loads or stores: from 3.13 on one may do two."""
    return step.argval if isinstance(step.argval, tuple) else (step.argval,)


def _bindings(code: CodeType) -> Iterator[tuple[str, str, bool]]:
    """(what is imported, the variable it is put in, whether that is a whole module) of every import in this code."""
    name = ""
    for step in _steps(code):
        if step.opname in ("IMPORT_NAME", "IMPORT_FROM"):
            name, whole = step.argval.partition(".")[0], step.opname == "IMPORT_NAME"
        elif name and step.opname.startswith("STORE_"):
            yield name, _variables(step)[0], whole
            name = ""
