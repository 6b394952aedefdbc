"""What judge and candidate each have of their own under the same name: builtins, and a fixed list of modules.

Across the wire goes the name alone, and each side looks it up in its own interpreter. Nothing that is not on the list
is ever imported because the other side named it.
"""

from __future__ import annotations

import builtins
import dis
import importlib
import math
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from . import harmless

_BUILTINS: dict[str, Any] = {name: getattr(builtins, name) for name in (
    "abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format "
    "frozenset hash hex id int isinstance issubclass iter len list map max min next object oct ord pow "
    "print range repr reversed "
    "round set slice sorted str sum tuple type zip Ellipsis NotImplemented").split()} | {"NoneType": type(None)}
EXCEPTIONS = {name: value for name, value in vars(builtins).items()
              if isinstance(value, type) and issubclass(value, BaseException)}
_BUILTIN_NAMES: dict[int, str] = {id(value): name for name, value in (EXCEPTIONS | _BUILTINS).items()}

_LOADS_ERROR = {"LOAD_ASSERTION_ERROR", "LOAD_COMMON_CONSTANT"}
"""Instructions by which an `assert` that has failed gets its error, whichever this version of Python has."""

RAISED = "coderm_raised"
"""Attribute of an exception in the candidate's process that stands for one which a function of the test's raised."""

# Modules that compute and do nothing else: no files, processes, imports, or code from text.
MODULES = harmless.MODULES.keys() - {"__future__"} | {
    "abc", "dataclasses", "decimal", "enum", "json", "json.decoder", "numpy", "textwrap"}

_FUNCTIONS = {name: modules for names, modules in {
    "isclose sqrt": ("math", "numpy", "cmath"), "allclose array": ("numpy",), "deepcopy": ("copy",),
    "assert_allclose assert_almost_equal assert_array_almost_equal assert_array_equal assert_equal": ("numpy.testing",),
}.items() for name in names.split()}
HELPERS: dict[str, tuple[str, ...]] = _FUNCTIONS | {
    "Counter": ("collections",), "OrderedDict": ("collections",), "defaultdict": ("collections",),
    "deque": ("collections",), "Decimal": ("decimal",), "Fraction": ("fractions",), "date": ("datetime",),
    "datetime": ("datetime",), "timedelta": ("datetime",), "approx": ("pytest",), "Mock": ("unittest.mock",),
    "MagicMock": ("unittest.mock",), "patch": ("unittest.mock",), "StringIO": ("io",)}
"""What a test may use without an import, since solutions often bring it, and the modules that have it."""
CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}
"""The same of numbers."""


def is_librarys(name: str, thing: Any) -> bool:
    """Whether the thing is what the library has under the name of a helper."""
    return any(vars(sys.modules[module]).get(name) is thing for module in HELPERS[name] if module in sys.modules)


def name_of(value: Any) -> str | None:
    """The name under which the other side has this very thing too: `len`, `math:`, `collections:Counter`."""
    if id(value) in _BUILTIN_NAMES:
        return _BUILTIN_NAMES[id(value)]
    if isinstance(value, ModuleType):
        name = vars(value).get("__name__")
        known = type(name) is str and name in MODULES and sys.modules.get(name) is value
        return f"{name}:" if known else None
    if isinstance(value, type):
        module, name = value.__module__, value.__name__
        if type(module) is str and module in MODULES and getattr(sys.modules.get(module), name, None) is value:
            return f"{module}:{name}"
    elif isinstance(value, FunctionType | BuiltinFunctionType) or type(value).__name__ == "_ArrayFunctionDispatcher":
        for module in _FUNCTIONS.get(name := value.__name__, ()):
            if getattr(sys.modules.get(module), name, None) is value:
                return f"{module}:{name}"
    return None


def named(name: Any) -> Any:
    """This side's own thing of that name. Raises LookupError for a name that is not on the list."""
    module, colon, attribute = str(name).partition(":")
    if not colon:
        return _BUILTINS[name] if name in _BUILTINS else EXCEPTIONS[name]
    if module in _FUNCTIONS.get(attribute, ()):
        return vars(importlib.import_module(module))[attribute]
    if module not in MODULES or attribute.startswith("_"):
        raise LookupError(name)
    found = importlib.import_module(module)
    if not attribute:  # what a test stores on it must not last
        copy = ModuleType(module)
        vars(copy).update(vars(found))
        return copy
    thing = vars(found).get(attribute)
    if not isinstance(thing, type):
        raise LookupError(name)
    return thing


def is_verdict(error: BaseException) -> bool:
    """Whether an assertion failed in a function of the test's: one of unittest's or another library's, or `assert`.

    Not one that the candidate raised, nor a `raise AssertionError` of the test's, which a candidate may have to catch.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None or not isinstance(error, AssertionError):
        return False
    code = trace.tb_frame.f_code
    if code.co_filename == "<unit test>":
        before = [step.opname for step in dis.get_instructions(code) if step.offset < trace.tb_lasti and (
            step.opname == "RAISE_VARARGS" or (step.opname in _LOADS_ERROR and step.argval in (None, AssertionError)))]
        return bool(before) and before[-1] in _LOADS_ERROR
    return trace.tb_frame.f_globals.get("__name__") != f"{__package__}.remote"  # else the candidate raised it


def described(error: BaseException) -> tuple[str, list[Any]]:
    """What the candidate hears of an exception of the test's: its nearest builtin, and those arguments that are plain.

    None of a failed assertion: they tell the expected value.
    """
    name = next(c.__name__ for c in type(error).__mro__ if EXCEPTIONS.get(c.__name__) is c)
    plain = [a for a in error.args if type(a) in (str, int, float, bool, type(None))]
    return name, [] if is_verdict(error) else plain


def named_exception(name: Any) -> type[BaseException]:
    """As `named`, for exceptions alone."""
    thing = named(name)
    if not (isinstance(thing, type) and issubclass(thing, BaseException)):
        raise LookupError(name)
    return thing
