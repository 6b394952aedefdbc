"""Notices when a candidate has changed what judges it: unittest, builtins, the modules that tests use.

Every check compares by identity, so an object that claims to be equal to everything does not help. What a
process cannot defend against inside itself (objects equal to everything, reading the test off the stack) is
split mode's business.
"""

from __future__ import annotations

import asyncio
import asyncio.events
import builtins
import gc
import sys
import types
import unittest
import unittest.case
from builtins import all, callable, float, getattr, isinstance, len, map, tuple, type, vars  # noqa: UP029  # ours, always
from collections.abc import Callable, Iterable, Mapping
from itertools import compress
from operator import is_
from typing import Any

_CODE = (types.FunctionType, types.BuiltinFunctionType, type, classmethod, staticmethod, property,
         types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType,
         types.MemberDescriptorType)
_MAY_CHANGE = frozenset({"_", "maxDiff", "longMessage"})  # tests set these
_CORE_TYPES = (object, type, int, float, complex, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, range)
ALWAYS_WATCHED = ("unittest", "unittest.case", "unittest.loader", "unittest.suite", "unittest.result",
                  "unittest.mock", "unittest.util", "sys", "time", "signal", "os", "os.path", "gc", "threading",
                  "types", "collections", "contextlib", "difflib", "pprint", "re", "unittest._log",
                  "unittest.async_case")
_POLICIES = (types.NoneType, getattr(asyncio, "_DefaultEventLoopPolicy", None) or asyncio.DefaultEventLoopPolicy)
_JUDGING = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__bool__", "__len__",
                      "__contains__", "__iter__", "__getattribute__", "__getattr__", "__call__", "__instancecheck__",
                      "__subclasscheck__", "__sub__", "__abs__", "__round__", "__new__", "__init__"})


class _Picture:
    """The values of a namespace as they were, chosen by type; compared in place and in order, in C."""

    def __init__(self, where: Mapping[str, Any], chosen: Callable[[Any], bool] = lambda value: True,
                 closed: bool = False) -> None:
        self._where = where
        self._mask = [name not in _MAY_CHANGE and chosen(value) for name, value in where.items()]
        self._values = tuple(compress(where.values(), self._mask))
        self._size = len(where) if closed else None

    def holds(self) -> bool:
        """Whether every chosen name still holds the very same object (and, where closed, none was added)."""
        values = compress(self._where.values(), self._mask)
        return (
            all(map(is_, values, self._values))
            and len(self._where) >= len(self._mask)
            and self._size in (None, len(self._where))
        )


class _Bodies:
    """What functions execute, which can be exchanged while the functions stay the same."""

    def __init__(self, values: Iterable[Any]) -> None:
        functions = [getattr(value, "__func__", value) for value in values]
        self._functions = [f for f in functions if isinstance(f, types.FunctionType)]
        self._parts = [part for f in self._functions for part in self._of(f)]

    @staticmethod
    def _of(function: types.FunctionType) -> tuple[Any, ...]:
        return function.__code__, function.__defaults__, function.__kwdefaults__

    def hold(self) -> bool:
        """Whether all functions still have the code and the defaults that they had."""
        return all(map(is_, (part for f in self._functions for part in self._of(f)), self._parts))


class TestCases:
    """The methods of a test's classes as its text made them: a candidate can find the classes and their instances."""

    def __init__(self, classes: Iterable[type]) -> None:
        self._namespaces = [vars(cls) for cls in classes]
        self._methods = [(where, name, value) for where in self._namespaces for name, value in where.items()
                         if isinstance(value, types.FunctionType)]
        self._bodies = _Bodies(value for _, _, value in self._methods)
        self._judging = [_OF_TESTCASE & where.keys() for where in self._namespaces]

    def hold(self) -> bool:
        """Whether all of them are still there, and no more of unittest's are overridden."""
        return (
            all(where.get(name) is value for where, name, value in self._methods)
            and self._bodies.hold()
            and [_OF_TESTCASE & where.keys() for where in self._namespaces] == self._judging
        )


def overrides(case: unittest.TestCase) -> bool:
    """Whether the test case has a way of its own to assert, which the classes have not."""
    return not _OF_TESTCASE.isdisjoint(vars(case))


def _is_fixed(value: Any) -> bool:
    """What a module never changes itself: functions, classes, and numbers such as pi."""
    return callable(value) or isinstance(value, float)


def _is_code(value: Any) -> bool:
    return isinstance(value, _CODE)


_OF_TESTCASE = frozenset(name for name, value in vars(unittest.TestCase).items()
                         if _is_code(value) and name.startswith(("assert", "fail", "_")) and name != "__init__")


class Guard:
    """A picture of the interpreter before any candidate ran, and the comparison with it."""

    def __init__(self) -> None:
        self._bodies = _Bodies(vars(unittest.TestCase).values())
        self._quick = [_Picture(vars(builtins)), _Picture(vars(unittest.TestCase), closed=True),
                       _Picture(vars(unittest.case))]
        self._deep: list[_Picture] = []
        self._absent: list[tuple[Mapping[str, Any], frozenset[str]]] = []
        self._modules: dict[str, types.ModuleType] = {}
        self._classes: dict[int, type] = {}
        self._all_bodies: list[_Bodies] = []
        self._watch_classes(_CORE_TYPES)
        self.watch(ALWAYS_WATCHED)

    def watch(self, modules: Iterable[str]) -> None:
        """Watch these in depth too: their functions, their classes and those classes' methods. Hooks are as of now."""
        for name in modules:
            if name in sys.modules and name not in self._modules:
                self._modules[name] = module = sys.modules[name]
                self._deep.append(_Picture(vars(module), _is_fixed))
                self._all_bodies.append(_Bodies(vars(module).values()))
                self._watch_classes(value for value in vars(module).values() if isinstance(value, type))
        self._hooks = self._interpreter_hooks()

    def _watch_classes(self, classes: Iterable[type]) -> None:
        for cls in classes:
            if id(cls) not in self._classes:
                self._classes[id(cls)] = cls
                self._deep.append(_Picture(vars(cls), _is_code))
                self._all_bodies.append(_Bodies(vars(cls).values()))
                self._absent.append((vars(cls), _JUDGING - vars(cls).keys()))

    @staticmethod
    def _interpreter_hooks() -> tuple[Any, ...]:
        tools: tuple[Any, ...] = ()
        if sys.version_info >= (3, 12):
            tools = tuple(sys.monitoring.get_tool(i) for i in range(6))
        return (*sys.meta_path, *sys.path_hooks, *gc.callbacks, *tools)

    def quick(self) -> bool:
        """Whether builtins, TestCase and the interpreter's hooks are untouched. About 10 microseconds."""
        hooks = self._interpreter_hooks()
        return (
            type(asyncio.events._event_loop_policy) in _POLICIES  # type: ignore[attr-defined]
            and sys.gettrace() is None
            and sys.getprofile() is None
            and len(hooks) == len(self._hooks)
            and all(map(is_, hooks, self._hooks))
            and all(picture.holds() for picture in self._quick)
            and self._bodies.hold()
        )

    def deep(self) -> bool:
        """Whether everything that is watched is untouched. Some hundred microseconds."""
        return (
            self.quick()
            and all(sys.modules.get(name) is module for name, module in self._modules.items())
            and all(picture.holds() for picture in self._deep)
            and all(bodies.hold() for bodies in self._all_bodies)
            and all(where.keys().isdisjoint(absent) for where, absent in self._absent)
        )
