"""What a plain text (`reach.py`) may name: builtins, single names of the standard library, attributes.

White lists of single names, not of modules: `typing.get_type_hints` evaluates strings, `dataclasses.dataclass` builds
code from text and stores into the class it is given, `enum.global_enum` into any module; `textwrap.TextWrapper` holds
a table that all share, `__future__` a list, `typing.Literal` what it was given before. What a newer Python adds is not
on a list until somebody has read it.
"""

from __future__ import annotations

import builtins
import collections

BUILTINS = frozenset(
    "abs all any ascii bin bool callable chr complex dict divmod enumerate filter float format "
    "frozenset hasattr hash hex id int isinstance issubclass iter len list map max min next object oct ord pow print "
    "range repr reversed round set slice sorted str sum tuple zip Ellipsis NotImplemented __name__ __annotations__ "
    "__debug__".split()) | {name for name, value in vars(builtins).items()
                            if isinstance(value, type) and issubclass(value, Exception) and "Group" not in name}

_MATH = ("acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 "
         "expm1 fabs factorial floor fma fmod frexp fsum gamma gcd hypot inf isclose isfinite isinf isnan isqrt lcm "
         "ldexp lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt "
         "sumprod tan tanh tau trunc ulp phase polar rect infj nanj")
_MODULES = {
    "__future__": "absolute_import annotations division generator_stop generators nested_scopes print_function "
                  "unicode_literals with_statement",
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "cmath": _MATH,
    "collections": "ChainMap Counter OrderedDict abc defaultdict deque namedtuple",
    "collections.abc": "Callable Collection Container Generator Hashable Iterable Iterator Mapping MutableMapping "
                       "MutableSequence MutableSet Sequence Set Sized",
    "datetime": "MAXYEAR MINYEAR UTC date datetime time timedelta timezone",
    "fractions": "Fraction",
    "functools": "cache cmp_to_key lru_cache partial reduce",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "itertools": "accumulate batched chain combinations combinations_with_replacement compress count cycle dropwhile "
                 "filterfalse groupby islice pairwise permutations product repeat starmap takewhile tee zip_longest",
    "math": _MATH,
    "numbers": "Complex Integral Number Rational Real",
    "operator": "abs add and_ concat contains countOf eq floordiv ge gt index indexOf inv invert is_ is_not "
                "itemgetter le lshift lt matmul mod mul ne neg not_ or_ pos pow rshift sub truediv truth xor",
    "random": "Random betavariate choice choices expovariate gammavariate gauss getrandbits normalvariate randint "
              "random randrange sample seed shuffle triangular uniform",
    "re": "A ASCII DOTALL I IGNORECASE M MULTILINE Match Pattern S U UNICODE VERBOSE X compile error escape findall "
          "finditer fullmatch match search split sub subn",
    "statistics": "StatisticsError fmean geometric_mean harmonic_mean mean median median_grouped median_high "
                  "median_low mode multimode pstdev pvariance quantiles stdev variance",
    "string": "ascii_letters ascii_lowercase ascii_uppercase capwords digits hexdigits octdigits printable "
              "punctuation whitespace",
    "typing": "Any AnyStr Callable ChainMap Collection Container Counter DefaultDict Deque Dict Final FrozenSet "
              "Generator Hashable ItemsView Iterable Iterator KeysView List Mapping Match MutableMapping "
              "MutableSequence MutableSet NoReturn Optional OrderedDict Pattern Reversible Sequence Set Sized "
              "SupportsAbs SupportsFloat SupportsIndex SupportsInt Text Tuple Type TypeVar Union ValuesView cast",
}
MODULES = {name: frozenset(names.split()) for name, names in _MODULES.items()}

_OF_VALUES = (str, list, tuple, dict, set, frozenset, int, float, complex, range, collections.deque,
              collections.Counter, collections.OrderedDict, collections.defaultdict)
ATTRIBUTES = frozenset().union(
    *MODULES.values(), (name for kind in _OF_VALUES for name in dir(kind) if not name.startswith("_")),
    # of matches and patterns, dates, functions with a cache, exceptions
    "group groups groupdict span start end lastindex string flags year month day hour minute second microsecond days "
    "seconds microseconds total_seconds weekday isoweekday isoformat strftime strptime today now combine date time "
    "limit_denominator cache_clear cache_info args send".split(),
) - {"encode", "to_bytes", "format", "format_map"}
"""`format` reads attributes whose names stand in its template, so `reach.py` looks at that. Codecs are remembered by
name, whatever the name: so who is plain has no bytes, which have names of codecs wherever they meet text."""
