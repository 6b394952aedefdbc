"""Cut a unit test loose from the module it believes to test: the candidate's names are already there."""

from __future__ import annotations

import ast
import importlib
import sys

from coderm.generate.extract.source import Edit, Program, dotted_name

_INSTALLABLE = frozenset({
    "PIL", "attr", "attrs", "dateutil", "ddt", "freezegun", "hypothesis", "matplotlib", "mock", "networkx", "nose",
    "numpy", "pandas", "parameterized", "pytest", "pytz", "requests", "scipy", "sklearn", "sortedcontainers", "sympy",
    "torch", "typing_extensions", "yaml"})
"""Modules outside the standard library that a test may really mean; any other is a name for the module under test."""
_STAR_IMPORTED = frozenset({
    "bisect", "cmath", "collections", "copy", "datetime", "decimal", "fractions", "functools", "heapq", "itertools",
    "math", "operator", "random", "re", "statistics", "string", "typing"})
"""Standard modules that tests star-import, and that are safe to import here to learn their names."""


def detached(program: Program, entry_point: str | None) -> Program | None:
    """The program with no import of the module under test, under whatever name.

    `from solution import f as g` becomes `g = f`; after `import solution as s`, `s.f` becomes `f`. An import that
    would bind the entry point goes, from wherever: `from math import gcd` where gcd is what is tested. Calls of
    `unittest.main` become `pass`, as they may stand inside a class. None where the result does not compile.
    """
    edits: list[Edit] = []
    modules: set[str] = set()
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Import):
            kept = [a for a in node.names if not _is_foreign(a.name)
                    and (a.asname or a.name.partition(".")[0]) != entry_point]
            modules |= {a.asname or a.name for a in node.names if _is_foreign(a.name)}
            if len(kept) < len(node.names):
                edits.append(_replaced(node, ast.unparse(ast.Import(kept)) if kept else "pass"))
        elif isinstance(node, ast.ImportFrom):
            text = _import_from(node, program, entry_point)
            if text is not None:
                edits.append(_replaced(node, text))
            modules |= {a.asname or a.name for a in node.names if node.level and not node.module}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _runs_tests(node.value.func, program):
            edits.append(_replaced(node, "pass"))
    inner = [node for node in ast.walk(program.tree) if isinstance(node, ast.Attribute)
             and dotted_name(node.value) in modules]
    covered = {id(node.value) for node in inner}
    edits += [_replaced(node, node.attr) for node in inner if id(node) not in covered]
    return program.edited(_outermost(edits)) if edits else program


def _import_from(node: ast.ImportFrom, program: Program, entry_point: str | None) -> str | None:
    """What stands in the place of a from-import; None where it may stay."""
    star = node.names[0].name == "*"
    if not is_under_test(node):
        if star:
            return _explicit_star(node, program, entry_point)
        kept = [a for a in node.names if (a.asname or a.name) != entry_point]
        if len(kept) == len(node.names):
            return None
        return ast.unparse(ast.ImportFrom(node.module, kept, 0)) if kept else "pass"
    renamed = [(a.asname, a.name) for a in node.names if a.asname not in (None, a.name, entry_point)]
    return "; ".join(f"{new} = {old}" for new, old in renamed) if renamed and node.module else "pass"


def _explicit_star(node: ast.ImportFrom, program: Program, entry_point: str | None) -> str | None:
    """`from math import *` without the entry point, where the star would bring it."""
    if node.module not in _STAR_IMPORTED:
        return None
    public = {name for name in dir(importlib.import_module(node.module)) if not name.startswith("_")}
    if entry_point not in public:
        return None
    used = sorted(public & program.reads - {entry_point})
    return f"from {node.module} import {', '.join(used)}" if used else "pass"


def is_under_test(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import is, in whole or in part, of the module that holds the solution, under whatever name."""
    if isinstance(node, ast.ImportFrom):
        return node.level > 0 or _is_foreign(node.module or "")
    return any(_is_foreign(alias.name) for alias in node.names)


def _is_foreign(module: str) -> bool:
    root = module.partition(".")[0]
    return root not in sys.stdlib_module_names and root not in _INSTALLABLE


def _runs_tests(func: ast.expr, program: Program) -> bool:
    """Whether a call is one of unittest.main."""
    name = dotted_name(func)
    return name in ("unittest.main", "pytest.main") or (name == "main" and any(
        isinstance(node, ast.ImportFrom) and node.module == "unittest" and any(a.name == "main" for a in node.names)
        for node in ast.walk(program.tree)))


def _replaced(node: ast.stmt | ast.expr, text: str) -> Edit:
    assert node.end_lineno is not None and node.end_col_offset is not None
    return Edit((node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset), text)


def _outermost(edits: list[Edit]) -> list[Edit]:
    """Without edits inside the range of another."""
    kept: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, (-e.end[0], -e.end[1]))):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept
