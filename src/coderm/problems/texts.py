"""Writes unit tests: one `unittest.TestCase` class as text, from statements and from plain data."""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Sequence
from textwrap import indent
from typing import Any


def parse(source: str) -> ast.Module:
    """The syntax tree of others' code, without Python's remarks on its style. Raises as `ast.parse`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source)


def case_class(name: str, methods: Sequence[tuple[str, str]]) -> str:
    """The text of a TestCase class from (method name, body) pairs.

    >>> print(case_class("TestDouble", [("test_one", "assert double(1) == 2")]))
    import unittest
    <BLANKLINE>
    <BLANKLINE>
    class TestDouble(unittest.TestCase):
        def test_one(self):
            assert double(1) == 2
    <BLANKLINE>

    Bodies are indented as text, so no string literal in them may span lines: `statements` and `literal` see to that.
    """
    parts = [f"    def {method}(self):\n{indent(body.rstrip(), ' ' * 8)}\n" for method, body in methods]
    return f"import unittest\n\n\nclass {name}(unittest.TestCase):\n" + "\n".join(parts)


def assert_class(name: str, asserts: Sequence[ast.Assert]) -> str:
    """A TestCase class with one method for each assert statement."""
    return case_class(name, [(f"test_{k}", statements([node])) for k, node in enumerate(asserts, 1)])


def statements(nodes: Sequence[ast.stmt]) -> str:
    """The text of statements, without docstrings: they are the only strings that `ast.unparse` spreads over lines."""
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(ast.Module(list(nodes), []))


def literal(value: Any) -> str:
    """A Python expression for plain data that uses no names, so that nothing a program defines can change it.

    >>> literal([float("-inf"), set(), (1,), {"a": 1j}])
    "[-1e999, {*()}, (1,), {'a': 1j}]"

    Raises TypeError for anything but None, bool, int, float, complex, str, bytes, list, tuple, set and dict.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "(1e999 - 1e999)" if math.isnan(value) else "1e999" if value > 0 else "-1e999"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, set):
        return f"{{{', '.join(sorted(map(literal, value)))}}}" if value else "{*()}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal(key)}: {literal(item)}' for key, item in value.items())}}}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value)
    raise TypeError(f"no literal for {type(value).__name__}")


def literal_lines(values: Sequence[Any]) -> str:
    """A list literal with one value a line."""
    return "[\n" + "".join(f"    {literal(value)},\n" for value in values) + "]"
