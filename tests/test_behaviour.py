"""Recorded behaviour: fingerprints tell values apart, every candidate is heard, and no verdict depends on it."""

from __future__ import annotations

import decimal
import fractions
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hazard_cases import unit_test

from coderm.execute import Engine
from coderm.execute.inside.job import EVENTS_PER_PAIR
from coderm.execute.inside.witness import fingerprint
from coderm.matrix import RewardMatrix

MODES = ("shared", "split")


@pytest.fixture(scope="module", params=MODES)
def engines(request: pytest.FixtureRequest) -> Iterator[tuple[Engine, Engine]]:
    """The same engine without and with behaviour."""
    with Engine(request.param, time_limit=0.4, workers=1) as bare, \
            Engine(request.param, time_limit=0.4, workers=1, behaviour=True) as watching:
        yield bare, watching


def returned(matrix: RewardMatrix) -> Any:
    assert matrix.behaviour is not None
    return matrix.behaviour


# -- fingerprints -------------------------------------------------------------------------------------------

INFINITY = float("inf")
DIFFERENT = [-1, -2, 0, 2**61 - 1, 2**61, 314159, INFINITY, -INFINITY, float("nan"), 0.5, 2**-61, 10**5000,
             decimal.Decimal("1E+999999999999"), decimal.Decimal("0.1"), 0.1, fractions.Fraction(1, 3), 1 / 3, 1j, 2j, 1 + 1j,
             range(3), range(0, 3, 2), range(0, 6, 2), range(2**61), range(0), "1", b"1", None, [], (), [1], [1, 1]]


def test_different_values_differ() -> None:
    assert len({fingerprint(value) for value in DIFFERENT}) == len(DIFFERENT)
    assert len({fingerprint([value]) for value in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize("values", [
    (1, 1.0, True, decimal.Decimal("1.00"), fractions.Fraction(1), 1 + 0j, np.int64(1)),
    (0, -0.0, False, decimal.Decimal("-0")), (10**400, decimal.Decimal("1E+400")),
    (range(0), range(5, 5), range(3, 0)), (range(0, 1), range(0, 2, 7)), (range(0, 4, 2), range(0, 3, 2)),
    (float("nan"), decimal.Decimal("nan"), decimal.Decimal("snan")),
    (INFINITY, decimal.Decimal("inf")), ({1, 2}, {2.0, 1.0}),
], ids=str)
def test_equal_values_are_alike(values: tuple[Any, ...]) -> None:
    assert len({fingerprint(value) for value in values}) == 1


def test_neighbouring_numbers_have_columns_of_their_own(engines: tuple[Engine, Engine]) -> None:
    test = unit_test("self.assertEqual(f(-1), 1); self.assertEqual(f(-2), 2)")
    matrix = engines[1].execute([f"def f(x): return {result}" for result in ("-x", "-1", "-2")], [test])
    assert returned(matrix).shape == (3, 2)
    assert len(np.unique(returned(matrix), axis=0)) == 3


# -- room ---------------------------------------------------------------------------------------------------

def test_every_candidate_is_heard_as_far_as_every_other(engines: tuple[Engine, Engine]) -> None:
    test = unit_test("for i in range(200): f(i)\nself.assertEqual(f(1), 1)")
    matrix = engines[1].execute([f"def f(x): return x * {k}" for k in range(40)], [test])
    heard = returned(matrix) != 0
    assert heard.all()
    assert heard.shape == (40, EVENTS_PER_PAIR)


# -- what is recorded changes nothing -----------------------------------------------------------------------

def class_of(*methods: str) -> str:
    """A test class with these bodies as test_a, test_b, ..."""
    bodies = "".join(f"    def test_{name}(self):\n{textwrap.indent(body, ' ' * 8)}\n"
                     for name, body in zip("abcdef", methods, strict=False))
    return f"import unittest\nclass T(unittest.TestCase):\n{bodies}"


# name -> (solution, unit test, verdict)
SAME: dict[str, tuple[str, str, str]] = {
    "hangs behind a failure": ("def f(x):\n    while x == 1: pass\n    return x",
                               class_of("self.assertEqual(f(0), 5)", "self.assertEqual(f(1), 1)"), "fail"),
    "exits behind a failure": ("import os\ndef f(x):\n    return os._exit(0) if x == 1 else x",
                               class_of("self.assertEqual(f(0), 5)", "self.assertEqual(f(1), 1)"), "fail"),
    "fails behind an error": ("def f(x): return x", class_of("f()", "self.assertEqual(f(0), 1)"), "error"),
    "fails in setUpClass": ("def f(x): return x",
                            class_of("self.assertEqual(f(0), 0)", "self.assertEqual(f(1), 1)")
                            + "    @classmethod\n    def setUpClass(cls): assert f(1) == 2\n", "fail"),
    "two classes": ("def f(x): return x", class_of("self.assertEqual(f(0), 0)", "self.assertEqual(f(0), 1)")
                    + "class U(unittest.TestCase):\n    def test_c(self): self.assertEqual(f(0), 0)\n", "fail"),
    "reads a global that changes": ("n = 0\ndef f():\n    global n\n    n += 1",
                                    unit_test("f(); f(); self.assertEqual(n, 2)"), "pass"),
    "reads an attribute": ("def f():\n    f.calls += 1\nf.calls = 0",
                           unit_test("f(); f(); self.assertEqual(f.calls, 2)"), "pass"),
    "clears a cache": ("import functools\n@functools.lru_cache\ndef f(x): return x",
                       unit_test("f(1); f(1); self.assertEqual(f(1), 1); f.cache_clear()"), "pass"),
    "passes a function back": ("def twice(f, x): return f(f(x))\ndef f(x): return x + 1",
                               unit_test("self.assertEqual(twice(f, 1), 3)"), "pass"),
    "a function in a list": ("def all_of(fs, x): return [f(x) for f in fs]\ndef f(x): return x + 1",
                             unit_test("self.assertEqual(all_of([f, f], 1), [2, 2])"), "pass"),
    "an instance": ("class S:\n    def __init__(self): self.x = []\n    def __len__(self): return len(self.x)\n"
                    "    def push(self, y): self.x.append(y)\ns = S()\ndef f(): s.push(1)",
                    unit_test("f(); s.push(2); self.assertTrue(len(s) == 2)"), "pass"),
    "a class": ("class S:\n    def f(self, x): return x\ns = S()\ndef f(x): return S().f(x)",
                unit_test("self.assertIsInstance(S(), S); self.assertEqual(f(S().f(2)), 2)"), "pass"),
    "a name that is not there": ("def f(x): return g(x)",
                                 unit_test("with self.assertRaises(NameError):\n    f(1)"), "pass"),
    "matches a pattern": ("class P:\n    def __init__(self, x): self.x = x\ndef f(x): return P(x)",
                          unit_test("match f(3):\n    case P(): ok = True\nself.assertTrue(ok)"), "pass"),
}
# the function itself, which split mode shows to no test
SHARED: dict[str, tuple[str, str, str]] = {
    "annotations": ("def f(x: int) -> str: return ''",
                    unit_test("import typing, inspect\nself.assertEqual(f.__annotations__, {'x': int, 'return': str})\n"
                              "self.assertEqual(typing.get_type_hints(f)['return'], str)\n"
                              "self.assertEqual(list(inspect.signature(f).parameters), ['x'])\n"
                              "self.assertTrue(inspect.isfunction(f))\nself.assertEqual(f(1), '')"), "pass"),
    "async": ("async def f(x): return x",
              unit_test("import asyncio, inspect\nself.assertTrue(inspect.iscoroutinefunction(f))\n"
                        "self.assertEqual(asyncio.run(f(1)), 1)"), "pass"),
    "sets an attribute": ("def f(): return f.calls\nf.calls = 0", unit_test("f.calls = 7; self.assertEqual(f(), 7)"), "pass"),
    "a key": ("def f(x): return x\nNAMES = {f: 'f'}", unit_test("self.assertEqual(NAMES[f], 'f'); f(1)"), "pass"),
    "a method": ("def f(self, x): return x", "import unittest\nclass T(unittest.TestCase):\n    g = f\n"
                 "    def test(self): self.assertEqual(self.g(1), 1)\n", "pass"),
}


def same(engines: tuple[Engine, Engine], case: tuple[str, str, str]) -> None:
    solution, test, verdict = case
    beside = solution + "\n_ = 1\n"
    bare, watching = (engine.execute([solution, beside], [test, test + "\n_ = 1\n"]) for engine in engines)
    assert bare.verdicts.tolist() == watching.verdicts.tolist() == [[verdict] * 2] * 2, watching.reasons
    assert bare.cases.tolist() == watching.cases.tolist()
    assert bare.cases_passed.tolist() == watching.cases_passed.tolist()
    assert returned(watching).any()


@pytest.mark.parametrize("name", SAME)
def test_verdicts_and_counts_are_the_same(engines: tuple[Engine, Engine], name: str) -> None:
    same(engines, SAME[name])


@pytest.mark.parametrize("name", SHARED)
def test_a_watched_function_is_like_itself(engines: tuple[Engine, Engine], name: str) -> None:
    if engines[0].isolation == "split":
        pytest.skip("a test of split mode has a stand-in in any case")
    same(engines, SHARED[name])


def test_calls_behind_the_first_failure_are_recorded(engines: tuple[Engine, Engine]) -> None:
    matrix = engines[1].execute(["def f(x): return x", "def f(x):\n    while x == 2: pass\n    return x"],
                                [class_of("self.assertEqual(f(0), 1)", "self.assertEqual(f(1), 1)", "f(2)")])
    assert matrix.cases.tolist() == [[1], [1]]
    behaviour = returned(matrix)
    assert behaviour.shape == (2, 3)
    assert (behaviour[0] > 0).all()
    assert (behaviour[1] > 0).tolist() == [True, True, False]
    assert behaviour[1, 2] < 0


def test_a_shown_pair_is_told_of_what_happened(engines: tuple[Engine, Engine]) -> None:
    told = engines[1].explain("def f(x): return x", unit_test("self.assertEqual(f(1), 2)"))
    assert (told["verdict"], told["error"]) == ("fail", "AssertionError")
