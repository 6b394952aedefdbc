"""What a compiled text can reach. One that can reach nothing but its own objects needs no process of its own.

Such a text is called plain. Every name in its bytecode is its own or on a white list (`harmless.py`), attributes by the
instruction that reads them: so it evaluates no text, reads no frame and nothing of a class's inside. It defines no
class, whose objects could lie to a library, and stores no attributes. Nor has it code that runs when its garbage is
collected, which may be in another candidate's time: a generator that is dropped half way runs its `finally`, a
coroutine too. A plain test may besides define test cases and set attributes of `self`. What is not known to be harmless
is not plain. It decides speed, never a verdict: plain candidates share a process, all others get one of their own.
"""

from __future__ import annotations

import builtins
import dis
import inspect
import re
import string
import sys
import unittest
from collections.abc import Iterable, Iterator
from itertools import pairwise
from types import CodeType
from typing import NamedTuple

from .harmless import ATTRIBUTES, BUILTINS, MODULES

_PUT_BACK = frozenset({"stdin", "stdout", "stderr", "argv", "maxDiff", "longMessage"})
"""Attributes of modules that are put back behind every pair (`house.py`), or that decide no verdict."""
_OF_TESTS = frozenset(name for name in dir(unittest.TestCase) if not name.startswith("_")) | {"TestCase", "main"}
_OTHER_BUILTINS = frozenset(dir(builtins)) - BUILTINS
_STORED_BY_COMPILER = frozenset({"__module__", "__qualname__", "__doc__", "__firstlineno__", "__static_attributes__",
                                 "__annotate__", "__conditional_annotations__"})


def _opcodes(*names: str) -> frozenset[int]:
    return frozenset(dis.opmap[name] for name in names if name in dis.opmap)


_IMPORT, _IMPORT_FROM = dis.opmap["IMPORT_NAME"], dis.opmap["IMPORT_FROM"]
_LOAD_GLOBAL, _LOAD_NAME = dis.opmap["LOAD_GLOBAL"], dis.opmap["LOAD_NAME"]
_STORE_GLOBAL, _STORE_NAME = dis.opmap["STORE_GLOBAL"], dis.opmap["STORE_NAME"]
_NAME_READS = _opcodes("LOAD_GLOBAL", "LOAD_NAME")
_STORES = _opcodes("STORE_NAME", "STORE_GLOBAL", "DELETE_NAME", "DELETE_GLOBAL")
_ATTRIBUTE_READS = _opcodes("LOAD_ATTR", "LOAD_METHOD")
_ATTRIBUTE_STORES = _opcodes("STORE_ATTR", "DELETE_ATTR")
_READ_SHIFT = sys.version_info >= (3, 12)  # the lowest bit of a LOAD_ATTR tells whether it begins a call
_MAKES_CLASS = _opcodes("LOAD_BUILD_CLASS")
_ELSEWHERE = _opcodes("MATCH_CLASS", "IMPORT_STAR", "LOAD_SUPER_ATTR", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_GLOBALS",
                      "LOAD_FROM_DICT_OR_DEREF", "LOAD_LOCALS")  # names come from constants, or from where is not known
_HANDLER = _opcodes("PUSH_EXC_INFO")
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_EXTENDED = dis.opmap["EXTENDED_ARG"]
_Part = tuple[CodeType, list[tuple[int, int]]]  # and its operations
_PLAIN_FIELD = re.compile(r"\w*")


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
    """What a text may touch."""

    plain: bool
    """It needs no process of its own, see `is_plain_beside`."""
    random: bool
    """It uses that module's hidden state."""
    marks: bool = False
    """It sets attributes of something that it imported, which lasts as long as the process."""
    reads: frozenset[str] = frozenset()
    """Global names that it reads anywhere."""
    binds: frozenset[str] = frozenset()
    """Global names that it gives a value anywhere; `*` besides where it imports names that it does not show."""
    local: frozenset[str] = frozenset()
    """Names that are local to one of its functions."""


def reach(code: CodeType, *, is_test: bool = False) -> Reach:
    """What the text may touch. A test may name unittest; a candidate that does is not plain."""
    codes = all_code(code)
    names = {name for current in codes for name in current.co_names}
    marks = _marks(codes)
    parts = [(current, operations(current)) for current in codes]
    plain = not marks and _is_plain(parts, is_test)
    # who is not plain may reach `random` under another name
    return Reach(plain, not plain or "random" in names, marks, *_global_names(parts))


def is_plain_beside(candidate: Reach, tests: Iterable[Reach]) -> bool:
    """Whether the candidate is plain also in the namespace of these tests: `patch` of `unittest.mock`, which a test has
    imported, would be the candidate's to call as well."""
    missing = candidate.reads - candidate.binds
    return candidate.plain and all(missing.isdisjoint(test.binds) and not (missing and "*" in test.binds)
                                   for test in tests)


def _is_plain(parts: list[_Part], is_test: bool) -> bool:
    refused_everywhere = _ELSEWHERE if is_test else _ELSEWHERE | _MAKES_CLASS
    attributes = ATTRIBUTES | _OF_TESTS if is_test else ATTRIBUTES
    for current, instructions in parts:
        if current.co_flags & _ASYNC or ("*",) in current.co_consts:
            return False
        refused = refused_everywhere | _HANDLER if current.co_flags & inspect.CO_GENERATOR else refused_everywhere
        names, module, stores = current.co_names, "", False
        for op, arg in instructions:
            if op in refused:
                return False
            if op == _IMPORT:
                module = names[arg]
                if module not in MODULES and not (is_test and module == "unittest"):
                    return False
            elif op == _IMPORT_FROM:
                if names[arg] not in (_OF_TESTS if module == "unittest" else MODULES[module]):
                    return False
            elif op in _NAME_READS:
                name = names[arg >> 1 if op == _LOAD_GLOBAL else arg]
                if name in _OTHER_BUILTINS or (name.startswith("__") and name.strip("_") and name not in BUILTINS):
                    return False
            elif op in _STORES:
                if names[arg].startswith("__") and names[arg] not in _STORED_BY_COMPILER:
                    return False
            elif op in _ATTRIBUTE_READS:
                name = names[arg >> _READ_SHIFT]
                if name not in attributes and name != "format":
                    return False
            elif op in _ATTRIBUTE_STORES:
                stores = True
        if not is_test and any(isinstance(constant, bytes) for constant in current.co_consts):
            return False
        if "format" in names and not _formats_the_harmless(current):
            return False
        if stores and not (is_test and _sets_attributes_of_self(current)):
            return False
    return True


def _global_names(parts: list[_Part]) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """(global names read anywhere, global names bound anywhere, names local to some function)."""
    reads: set[str] = set()
    binds: set[str] = set()
    local: set[str] = set()
    for number, (code, instructions) in enumerate(parts):
        is_module, is_function = number == 0, bool(code.co_flags & inspect.CO_NEWLOCALS)
        names = code.co_names
        stored = {names[arg] for op, arg in instructions if op == _STORE_NAME}
        for op, arg in instructions:
            if op == _LOAD_GLOBAL:
                reads.add(names[arg >> 1])
            elif op == _STORE_GLOBAL:
                binds.add(names[arg])
            elif op == _LOAD_NAME and (is_module or names[arg] not in stored):
                reads.add(names[arg])
        if is_module:
            binds |= stored
        elif is_function:
            local.update(code.co_varnames, code.co_cellvars)
        if ("*",) in code.co_consts:
            binds.add("*")
    return frozenset(reads), frozenset(binds), frozenset(local)


def _formats_the_harmless(code: CodeType) -> bool:
    """Whether every `format` that is read off something is that of a constant which reads no attributes itself."""
    return all(step.opcode not in _ATTRIBUTE_READS or step.argval != "format" or (
        before.opname == "LOAD_CONST" and isinstance(before.argval, str) and not step.is_jump_target
        and _reads_no_attribute(before.argval)) for before, step in pairwise(_steps(code)))


def _sets_attributes_of_self(code: CodeType) -> bool:
    """Whether attributes are set of `self` alone, and none that a test case has."""
    return all(step.opcode not in _ATTRIBUTE_STORES or (
        before.opname.startswith("LOAD_FAST") and _variables(before)[-1] == "self" and not step.is_jump_target
        and step.argval not in _OF_TESTS and not step.argval.startswith("_"))
        for before, step in pairwise(_steps(code)))


def _reads_no_attribute(template: str) -> bool:
    try:
        fields = list(string.Formatter().parse(template))
    except ValueError:  # it fails before it reads anything
        return True
    return all(_PLAIN_FIELD.fullmatch(field or "") and _reads_no_attribute(specification or "")
               for _, field, specification, _ in fields)


def _marks(codes: list[CodeType]) -> bool:
    """Whether an attribute is stored that can be seen to belong to something imported."""
    if not any(op in _ATTRIBUTE_STORES for current in codes for op in current.co_code[::2]):
        return False
    imported = {name for current in codes for binding in _bindings(current) for name in binding}
    for current in codes:
        steps = _steps(current)
        for number, step in enumerate(steps):
            if step.opcode in _ATTRIBUTE_STORES and step.argval not in _PUT_BACK:
                before = (steps[i] for i in range(number - 1, -1, -1))
                root = next((s for s in before if s.opname not in _ON_THE_WAY), None)
                if root is not None and root.opname.startswith("LOAD_") and root.argval in imported:
                    return True
    return False


_ON_THE_WAY = frozenset({"LOAD_ATTR", "SWAP", "COPY", "BINARY_OP", "LOAD_CONST", "LOAD_METHOD", "PRECALL", "NOP"})


def _steps(code: CodeType) -> list[dis.Instruction]:
    return [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "EXTENDED_ARG")]


def _variables(step: dis.Instruction) -> tuple[str, ...]:
    """The variables that an instruction loads or stores: from 3.13 on one may do two."""
    return step.argval if isinstance(step.argval, tuple) else (step.argval,)


def _bindings(code: CodeType) -> Iterator[tuple[str, str]]:
    """(what is imported, the variable it is put in) of every import in this code."""
    name = ""
    for step in _steps(code):
        if step.opname in ("IMPORT_NAME", "IMPORT_FROM"):
            name = step.argval.partition(".")[0]
        elif name and step.opname.startswith("STORE_"):
            yield name, _variables(step)[0]
            name = ""
