"""The unit test in a raw reply: its TestCase classes and what they need, and never the function under test.

A reply's program goes through four steps, each from a program to a program: imports of the module under test
become plain names; pytest-style functions and bare asserts become a TestCase; of the module only the TestCase
classes and what they need is kept, so that a pasted solution, `unittest.main()` in any spelling and prints
vanish; what still replaces the function under test, or never mentions it, is refused.
"""

from __future__ import annotations

import ast
import symtable
import warnings

from coderm.generate.extract import candidates, convert, detach
from coderm.generate.extract.result import Extraction, Reason
from coderm.generate.extract.source import (
    Program,
    Statement,
    dotted_name,
    is_main_guard,
    parse,
    root_name,
    scopes,
)

_TEST_TOOLS = {"unittest", "pytest", "doctest", "nose", "sys", "os"}
"""Modules whose module-level calls (running the tests, exiting) are no set-up of a test."""


def unit_test(reply: str, entry_point: str | None) -> Extraction:
    """The last program of the reply that holds a test, reduced to its TestCase classes and what they need."""
    found, reason = candidates.find(reply, whole_statements=False)
    if not found:
        return Extraction(reason=reason)
    testing = [c for c in found if convert.has_tests(c.program)]
    if not testing:
        return Extraction(reason="no_test" if found[-1].block.closed else "truncated")
    chosen = testing[-1]
    joined = candidates.with_missing_names(chosen, found[:found.index(chosen)], entry_point)
    program = detach.detached(joined, entry_point)
    program = convert.as_test_case(program) if program else None
    program = _kept(program, entry_point) if program else None
    if program is None:
        return Extraction(reason="no_test")
    reason = _refusal(program, entry_point)
    return Extraction(reason=reason) if reason else Extraction(program.text)


def _kept(program: Program, entry_point: str | None) -> Program | None:
    """The test classes, and the statements they need directly or through others; the entry point's own go."""
    tests = {id(node) for node in convert.test_cases(program)}
    roots = [s for s in program.statements if id(s.node) in tests]
    statements = [s for s in program.statements if id(s.node) in tests or (
        entry_point not in s.binds and not is_main_guard(s.node))]
    if not roots:
        return None
    imported = frozenset().union(*(s.binds for s in statements if isinstance(s.node, ast.Import | ast.ImportFrom)))
    keep = {id(s.node) for s in roots}
    needed = frozenset().union(*(s.reads for s in roots)) - {entry_point}
    while True:
        more = [s for s in statements if id(s.node) not in keep and _is_needed(s, needed, imported)]
        if not more:
            break
        keep |= {id(s.node) for s in more}
        needed = (needed | frozenset().union(*(s.reads for s in more))) - {entry_point}
    kept = program.without(s.node for s in program.statements if id(s.node) not in keep)
    if kept is not None and "unittest" in kept.reads - kept.binds:
        kept = parse("import unittest\n" + kept.text.lstrip("\n"))
    if kept is not None and "TestCase" in kept.reads - kept.binds:
        kept = parse("from unittest import TestCase\n" + kept.text.lstrip("\n"))
    return kept


def _is_needed(statement: Statement, needed: frozenset[str], imported: frozenset[str]) -> bool:
    node = statement.node
    if isinstance(node, ast.Import | ast.ImportFrom):
        return "pytest" not in statement.binds or "pytest" in needed
    if statement.binds & needed:
        return True
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return False
    if isinstance(node, ast.Expr):
        root = root_name(node.value)
        return isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute) and (
            root in imported - _TEST_TOOLS or root in needed - imported)
    return False


def _refusal(program: Program, entry_point: str | None) -> Reason | None:
    """Why a finished text is no test of the entry point after all."""
    if not any(convert.test_methods(node) for node in convert.test_cases(program)):
        return "no_test"
    if entry_point is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(program.text, "<reply>", "exec")
    for scope in scopes(table):
        if scope.get_type() == "class":
            continue
        for symbol in scope.get_symbols():
            if symbol.get_name() == entry_point and (
                    symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter()):
                return "shadows"
    if any(isinstance(part, ast.Call) and "patch" in dotted_name(part.func) and any(
            isinstance(a, ast.Constant) and str(a.value).rpartition(".")[2] == entry_point for a in part.args)
            for part in ast.walk(program.tree)):
        return "shadows"
    name = entry_point.rpartition(".")[2]
    mentioned = any(name in (getattr(part, "id", None), getattr(part, "attr", None), getattr(part, "value", None))
                    for part in ast.walk(program.tree))
    return None if mentioned else "off_target"
