"""Repairs: only expected values may change."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coderm.synthesize import syntax
from coderm.synthesize.cheating import cheat

OLD = '''
import unittest

class TestSquare(unittest.TestCase):
    """Squares."""

    def test_direct(self):
        # two times two
        self.assertEqual(square(2), 5)
        self.assertAlmostEqual(square(0.5), 0.5, places=3)

    def test_named(self):
        expected = 10
        result = square(3)
        self.assertEqual(expected, result)

    def test_bare(self):
        assert square(1) == 2
        self.assertTrue(square(1) == 2)
        self.assertTrue(square(1) >= 1)

    def test_table(self):
        cases = [(1, 2), (-2, 5)]
        for x, y in cases:
            with self.subTest(x=x, y=y):
                self.assertEqual(square(x), y)
'''

HONEST = [
    ("square(2), 5", "square(2), 4"),
    ("0.5, places", "0.25, places"),
    ("expected = 10", "expected = 9"),
    ("assert square(1) == 2", "assert square(1) == 1"),
    ("assertTrue(square(1) == 2)", "assertTrue(square(1) == 1)"),
    ("(-2, 5)", "(-2, 4)"),
    ("5)\n        self", "{'a': [-4, (1, 2)], 'b': set()})\n        self"),
]
CHEATS = [
    ("square(2), 5", "square(3), 5", "rewritten"),
    ("square(2), 5", "square(2), square(2)", "expected"),
    ("square(2), 5", "square(2), ANY", "expected"),
    ("assertEqual(square(2), 5)", "assertIn(square(2), [4, 5])", "assertion"),
    ("assertEqual(square(2), 5)", "assertNotEqual(square(2), 5)", "assertion"),
    ("assertTrue(square(1) == 2)", "assertFalse(square(1) == 2)", "assertion"),
    ("places=3", "places=0", "rewritten"),
    ("places=3", "delta=3", "rewritten"),
    ("        self.assertEqual(square(2), 5)\n", "", "rewritten"),
    ("assert square(1) == 2", "assert square(1) >= 2", "rewritten"),
    ("square(1) >= 1", "square(1) >= 0", "rewritten"),
    ("self.assertEqual(square(x), y)", "pass", "rewritten"),
    ("(-2, 5)]", "(-3, 5)]", "rewritten"),
    ("(-2, 5)]", "(-2, 5), (0, 0)]", "rewritten"),
    ("(1, 2), (-2, 5)]", "]", "rewritten"),
    ("def test_bare", "def bare", "rewritten"),
    ("class TestSquare(unittest.TestCase)", "class TestSquare(Base)", "rewritten"),
    ("import unittest\n", "import unittest\ndef square(x): return x\n", "rewritten"),
    ("expected = 10", "expected = square(3)", "expected"),
    ("result = square(3)", "result = 10", "rewritten"),
    ("# two times two", "# twice two", "unchanged"),
    ('"""Squares."""', '"""More squares."""', "unchanged"),
    ("square(2), 5)", "square(2), 5", "unparsable"),
]


@pytest.mark.parametrize(("before", "after"), HONEST)
def test_an_expected_value_may_change(before: str, after: str) -> None:
    assert before in OLD
    assert cheat(OLD, OLD.replace(before, after, 1)) is None


@pytest.mark.parametrize(("before", "after", "why"), CHEATS)
def test_nothing_else_may(before: str, after: str, why: str) -> None:
    assert before in OLD
    assert cheat(OLD, OLD.replace(before, after, 1)) == why


def method(body: str) -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"import unittest\nclass T(unittest.TestCase):\n    def test(self):\n{lines}\n"


@pytest.mark.parametrize(("before", "after"), [
    # a name that is an input too is no expected value
    ("x = 5\nself.assertEqual(f(x), x)", "x = 6\nself.assertEqual(f(x), x)"),
    # two literals beside each other test nothing
    ("self.assertEqual(1, 2)", "self.assertEqual(2, 2)"),
    # a table that something else reads is an input
    ("t = [(1, 2)]\nself.assertEqual(g(t), 3)\nfor x, y in t:\n    self.assertEqual(f(x), y)",
     "t = [(1, 3)]\nself.assertEqual(g(t), 3)\nfor x, y in t:\n    self.assertEqual(f(x), y)"),
    # what is not equal must stay so
    ("self.assertNotEqual(f(1), 2)", "self.assertNotEqual(f(1), 3)"),
    ("self.assertIn(f(1), [2])", "self.assertIn(f(1), [2, 3])"),
    # beside a judgement stands which way it must go
    ("self.assertEqual(f(2) == 4, True)", "self.assertEqual(f(2) == 4, False)"),
    ("self.assertIs(4 in f(2), True)", "self.assertIs(4 in f(2), False)"),
    ("assert isinstance(f(2), int) == True", "assert isinstance(f(2), int) == False"),
    ("self.assertEqual(not f(2), True)", "self.assertEqual(not f(2), False)"),
    ("ok = f(2) == 4\nself.assertEqual(ok, True)", "ok = f(2) == 4\nself.assertEqual(ok, False)"),
    ("for x, y in [(2, True)]:\n    self.assertEqual(f(x) > 1, y)", "for x, y in [(2, False)]:\n    self.assertEqual(f(x) > 1, y)"),
    ("self.assertIsInstance(f(1), int)", "self.assertIsInstance(f(1), object)"),
    ("with self.assertRaises(ValueError):\n    f(1)", "with self.assertRaises(Exception):\n    f(1)"),
])
def test_values_that_are_no_expectation_are_fixed(before: str, after: str) -> None:
    assert cheat(method(before), method(after)) == "rewritten"


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=3), inner,
                                                                                          max_size=3), max_leaves=6)


@given(literals, literals, literals)
def test_any_literal_may_replace_an_expected_one_and_no_input(value: object, old: object, new: object) -> None:
    def text(argument: object, expected: object) -> str:
        return method(f"self.assertEqual(f({argument!r}), {expected!r})")

    same = ast.dump(ast.parse(repr(old))) == ast.dump(ast.parse(repr(new)))
    assert cheat(text(value, old), text(value, new)) == ("unchanged" if same else None)
    assert cheat(text(old, value), text(new, value)) == ("unchanged" if same else "rewritten")


def test_absurd_nesting_is_unparsable_and_breaks_nothing() -> None:
    for text in ("x = " + "[" * 10_000 + "]" * 10_000, "x = 1" + "+1" * 5_000, "x = " + "-" * 3_000 + "1", "\0"):
        assert syntax.parse(text) is None
        assert cheat(OLD, text) == "unparsable"
