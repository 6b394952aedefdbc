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
from coderm.generate.extract.result import Extraction
from coderm.generate.extract.source import (
    Program,
    Statement,
    dotted_name,
    is_main_guard,
    parse,
    root_name,
    scopes,
    targets,
)

_TEST_TOOLS = {"unittest", "pytest", "doctest", "nose", "sys", "os"}
"""Modules whose module-level calls (running the tests, exiting) are no set-up of a test."""


def unit_test(reply: str, entry_point: str | None) -> Extraction:
    """The last program of the reply that holds a test, reduced to its TestCase classes and what they need."""
    return candidates.extract(reply, lambda found: _chosen(found, entry_point), whole_statements=False)


def _chosen(found: list[candidates.Candidate], entry_point: str | None) -> Extraction:
    testing = ([c for c in found if convert.test_cases(c.program)]
               or [c for c in found if convert.as_test_case(c.program)])
    if not testing:
        return Extraction(reason="no_test" if found[-1].block.closed else "truncated")
    program = detach.detached(candidates.with_missing_names(testing[-1], found), entry_point)
    program = convert.as_test_case(program) if program else None
    if program is None:
        return Extraction(reason="no_test")
    own: frozenset[str] = frozenset()
    if entry_point is not None:
        cases = {node.name for node in convert.test_cases(program)}
        own = targets(program, entry_point) - cases | {entry_point}
    kept = _kept(program, own)
    if kept is None or not any(convert.test_methods(node) for node in convert.test_cases(kept)):
        return Extraction(reason="no_test")
    if _binds(kept, own) or _patches(kept, own):
        return Extraction(reason="shadows")
    if entry_point is not None and not _mentions(kept, entry_point.rpartition(".")[2]):
        return Extraction(reason="off_target")
    return Extraction(kept.text)


def _kept(program: Program, own: frozenset[str]) -> Program | None:
    """The test classes, and the statements they need directly or through others; what binds a name in `own` goes."""
    tests = {id(node) for node in convert.test_cases(program)}
    roots = [s for s in program.statements if id(s.node) in tests]
    statements = [s for s in program.statements if id(s.node) in tests or not (
        s.binds & own or is_main_guard(s.node))]
    imported = frozenset().union(*(s.binds for s in statements if isinstance(s.node, ast.Import | ast.ImportFrom)))
    keep = {id(s.node) for s in roots}
    needed = frozenset().union(*(s.reads for s in roots)) - own
    while more := [s for s in statements if id(s.node) not in keep and _is_needed(s, needed, imported, own)]:
        keep |= {id(s.node) for s in more}
        needed = (needed | frozenset().union(*(s.reads for s in more))) - own
    kept = program.without(s.node for s in program.statements if id(s.node) not in keep)
    if kept is not None and "unittest" in kept.reads - kept.binds:
        kept = parse("import unittest\n" + kept.text.lstrip("\n"))
    if kept is not None and "TestCase" in kept.reads - kept.binds:
        kept = parse("from unittest import TestCase\n" + kept.text.lstrip("\n"))
    return kept


def _is_needed(statement: Statement, needed: frozenset[str], imported: frozenset[str], own: frozenset[str]) -> bool:
    """Whether a statement provides a name that is needed, or sets one up (CASES.append(...), random.seed(0))."""
    node = statement.node
    if isinstance(node, ast.Import | ast.ImportFrom):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        return "pytest" not in modules or bool(statement.binds & needed)
    if statement.binds & needed:
        return True
    if isinstance(node, ast.Expr):
        root = root_name(node.value)
        return isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute) and (
            root in imported - _TEST_TOOLS or root in needed - imported)
    return isinstance(node, ast.For | ast.While | ast.If | ast.With | ast.Try) and bool(
        statement.reads & (needed - imported)) and not statement.reads & (own | {"print"})


def _binds(program: Program, names: frozenset[str]) -> bool:
    """Whether a name is bound anywhere but as a class's attribute: in the module, in a method, as a parameter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(program.text, "<reply>", "exec")
    return any(
        symbol.get_name() in names and (symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter())
        for scope in scopes(table) if scope.get_type() != "class" for symbol in scope.get_symbols())


def _patches(program: Program, names: frozenset[str]) -> bool:
    """Whether the program patches one of the names, as in `@patch("solution.add")` or `patch.object(m, "add")`."""
    return any(
        isinstance(part, ast.Call) and "patch" in dotted_name(part.func) and any(
            isinstance(a, ast.Constant) and str(a.value).rpartition(".")[2] in names for a in part.args)
        for part in ast.walk(program.tree))


def _mentions(program: Program, name: str) -> bool:
    """Whether a name occurs, as itself, as an attribute or as a string."""
    return any(name in (getattr(part, "id", None), getattr(part, "attr", None), getattr(part, "value", None))
               for part in ast.walk(program.tree))
