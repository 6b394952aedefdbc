"""What a plain text (`reach.py`) may name of the standard library, and what the interpreter says about those names.

A white list of single names, not of modules: `typing.get_type_hints` evaluates strings, `dataclasses.dataclass` builds
code from text and stores into the class it is given, `enum.global_enum` into any module; `textwrap.TextWrapper` holds
a table that all share, `__future__` a list, `typing.Literal` what it was given before. What a newer Python adds is not
on the list until somebody has read it.
"""

from __future__ import annotations

import functools
import importlib
from types import MethodType, ModuleType
from typing import Any, NamedTuple

_IN_C = frozenset({"bisect", "cmath", "itertools", "math", "operator"})
"""Modules of which everything is harmless that is a function or class in C, or a number, but for `_FORBIDDEN`."""
_NAMED = {
    "__future__": "absolute_import annotations division generator_stop generators nested_scopes print_function "
                  "unicode_literals with_statement",
    "collections": "ChainMap Counter OrderedDict abc defaultdict deque namedtuple",
    "collections.abc": "AsyncGenerator AsyncIterable AsyncIterator Awaitable Buffer ByteString Callable Collection "
                       "Container Coroutine Generator Hashable ItemsView Iterable Iterator KeysView Mapping "
                       "MappingView MutableMapping MutableSequence MutableSet Reversible Sequence Set Sized ValuesView",
    "datetime": "MAXYEAR MINYEAR UTC date datetime time timedelta timezone tzinfo",
    "fractions": "Fraction",
    "functools": "cache cmp_to_key lru_cache partial reduce",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "numbers": "Complex Integral Number Rational Real",
    "random": "Random betavariate binomialvariate choice choices expovariate gammavariate gauss getrandbits "
              "lognormvariate main normalvariate paretovariate randbytes randint random randrange sample seed shuffle "
              "triangular uniform vonmisesvariate weibullvariate",
    "re": "A ASCII DEBUG DOTALL I IGNORECASE L LOCALE M MULTILINE Match NOFLAG Pattern PatternError S T TEMPLATE U "
          "UNICODE VERBOSE X error escape findall finditer fullmatch match purge search split sub subn template",
    "statistics": "StatisticsError correlation covariance fmean geometric_mean harmonic_mean linear_regression mean "
                  "median median_grouped median_high median_low mode multimode pstdev pvariance quantiles stdev "
                  "variance",
    "string": "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable "
              "punctuation whitespace",
    "typing": "AbstractSet Any AnyStr CT_co Callable ChainMap ClassVar Collection Container Counter DefaultDict Deque "
              "Dict Final FrozenSet Generator Generic Hashable ItemsView Iterable Iterator KT KeysView List "
              "Mapping Match MutableMapping MutableSequence MutableSet NamedTuple Never NoReturn Optional OrderedDict "
              "Pattern Protocol Reversible Self Sequence Set Sized SupportsAbs SupportsFloat SupportsIndex "
              "SupportsInt SupportsRound T T_co T_contra Text Tuple Type TypeAlias TypeVar TypedDict Union VT VT_co "
              "V_co ValuesView cast",
}
MODULES = _IN_C | _NAMED.keys()
_FORBIDDEN = frozenset({
    "open", "exec", "eval", "compile", "globals", "locals", "vars", "setattr", "delattr", "getattr", "breakpoint",
    "help", "input", "exit", "quit", "copyright", "credits", "license", "dir", "memoryview", "super", "classmethod",
    "property", "object", "type", "attrgetter", "methodcaller", "register", "mro", "format_map", "obj", "func",
    "gi_frame", "cr_frame", "ag_frame", "gi_code", "cr_code", "ag_code", "tb_frame", "tb_next", "f_back", "f_globals",
    "f_locals", "f_builtins", "f_code", "sys", "os", "builtins", "gc", "inspect", "types", "threading", "signal",
    "unittest", "TestCase", "mock", "asyncio", "importlib", "ctypes", "weakref", "copyreg", "warnings", "evaluate"})
_IMMUTABLE = 1 << 8  # Py_TPFLAGS_IMMUTABLETYPE: a class whose attributes cannot be set


class Shared(NamedTuple):
    """Names by what they stand for, in one of the modules or anywhere.

    `forbidden`: never named by a plain text; `private`: with an underscore in front, what modules, their classes and
    their objects keep for themselves; `settable`: what a mark could be left on; `modules`: read off a module, they are
    one, too.
    """

    forbidden: frozenset[str]
    private: frozenset[str]
    settable: frozenset[str]
    modules: frozenset[str]


@functools.cache
def shared_names() -> Shared:
    """Read off the running interpreter, so that it holds for its version."""
    forbidden, private, settable = set(_FORBIDDEN), set(), set()
    modules: set[str] = set()
    offered = {name: vars(importlib.import_module(name)) for name in MODULES}
    harmless = {id(value) for module, values in offered.items() for name, value in values.items()
                if name in _NAMED.get(module, "").split() or (module in _IN_C and not _is_settable(value))}
    for values in offered.values():
        for name, value in values.items():
            private |= {inner for inner in (name, *dir(value)) if inner.startswith("_")}
            if isinstance(value, ModuleType) or name in MODULES:  # `typing.re` is a class in 3.11
                modules.add(name)
                known = name in MODULES or value.__name__ in MODULES
            else:
                settable |= {name} if _is_settable(value) else set()
                known = id(value) in harmless or type(value) in (int, float, str)
            if not known and not name.startswith("_"):
                forbidden.add(name)
    return Shared(frozenset(forbidden), frozenset(private), frozenset(settable), frozenset(modules))


def _is_settable(value: Any) -> bool:
    """Whether an attribute of any name could be set on it. Setting one of `typing.List` sets it on `list`."""
    kind = getattr(value, "__origin__", value)
    if isinstance(kind, type):
        return not kind.__flags__ & _IMMUTABLE
    return hasattr(value, "__dict__") and not isinstance(value, MethodType)
