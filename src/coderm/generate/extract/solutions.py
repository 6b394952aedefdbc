"""The candidate solution in a raw reply: the program asked for, without its own demonstration.

Models like to show their function at work: prints, asserts, an input() loop, a `__main__` guard, tests. Run as
part of a candidate these waste its time at best and fail it for want of standard input at worst, so module-level
statements that only use the function are cut. What the function needs (imports, constants, tables built in
loops, set-up calls) stays. Where no entry point is known nothing is cut: the program may be one that reads
standard input by design.
"""

from __future__ import annotations

import ast

from coderm.generate.extract import candidates
from coderm.generate.extract.result import Extraction
from coderm.generate.extract.source import Program, Statement, dotted_name, is_main_guard, root_name

_ENDS_THE_PROGRAM = {"exit", "quit", "sys.exit", "os._exit", "unittest.main", "doctest.testmod", "pytest.main"}


def solution(reply: str, entry_point: str | None) -> Extraction:
    """The last program of the reply that defines the entry point, cleaned."""
    found, reason = candidates.find(reply, whole_statements=True)
    if not found:
        return Extraction(reason=reason)
    if entry_point is None:
        chosen = _without_entry_point(found)
        return Extraction(candidates.with_missing_names(chosen, found[:found.index(chosen)], None).text)
    defining = [c for c in found if defines(c.program, entry_point)]
    if not defining:
        return Extraction(reason="no_entry_point" if found[-1].block.closed else "truncated")
    chosen = next((c for c in reversed(defining) if not _is_stub(c.program, entry_point)), defining[-1])
    program = candidates.with_missing_names(chosen, found[:found.index(chosen)], entry_point)
    cleaned = program.without(demonstration(program, entry_point))
    return Extraction(cleaned.text if cleaned is not None else program.text)


def defines(program: Program, entry_point: str) -> bool:
    """Whether the module binds the entry point, or a class of it has a method of that name."""
    name = entry_point.rpartition(".")[2]
    return name in program.binds or any(
        isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name == name
        for node in program.tree.body if isinstance(node, ast.ClassDef) for part in node.body)


def demonstration(program: Program, entry_point: str) -> list[ast.stmt]:
    """The module-level statements that only use the solution and are no part of it."""
    users = _users(program, entry_point)
    needed = frozenset().union(*(
        s.reads for s in program.statements if _is_definition(s.node) and not s.binds & users))
    needed |= frozenset().union(*(s.reads for s in program.statements if entry_point in s.binds))
    unwanted = users | {entry_point, "input"}
    dropped = []
    for statement in program.statements:
        node = statement.node
        if entry_point in statement.binds or isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if _is_definition(node):
            if _is_test_class(node):
                dropped.append(node)
        elif _demonstrates(statement, needed, unwanted):
            dropped.append(node)
            unwanted |= statement.binds - needed
    return dropped


def _demonstrates(statement: Statement, needed: frozenset[str], unwanted: frozenset[str]) -> bool:
    node = statement.node
    if is_main_guard(node) or isinstance(node, ast.Assert):
        return True
    if isinstance(node, ast.Expr):
        if not isinstance(node.value, ast.Call):
            return not isinstance(node.value, ast.Constant)
        if root_name(node.value) == "print" or dotted_name(node.value.func) in _ENDS_THE_PROGRAM:
            return True
    if "input" in statement.reads and "input" in unwanted:
        return True
    return bool(statement.reads & unwanted) and not statement.binds & needed


def _users(program: Program, entry_point: str) -> frozenset[str]:
    """Names of functions that lead to the entry point (main, run_tests) and that it does not need itself."""
    reads: dict[str, frozenset[str]] = {}
    for statement in program.statements:
        if _is_definition(statement.node):
            for name in statement.binds:
                reads[name] = reads.get(name, frozenset()) | statement.reads
    needs = reachable(reads, {entry_point})
    return frozenset(name for name in reads if name not in needs and entry_point in reachable(reads, {name}))


def reachable(reads: dict[str, frozenset[str]], start: set[str]) -> set[str]:
    """All names that `start` leads to, itself included, where `reads` maps a definition to what it reads."""
    seen, todo = set(start), list(start)
    while todo:
        for name in reads.get(todo.pop(), frozenset()) - seen:
            seen.add(name)
            todo.append(name)
    return seen


def _without_entry_point(found: list[candidates.Candidate]) -> candidates.Candidate:
    """The last block that defines something, Python ones before others; else the longest."""
    pool = [c for c in found if c.block.python] or [c for c in found if not c.block.tag] or found
    defining = [c for c in pool if any(_is_definition(node) for node in c.program.tree.body)]
    return defining[-1] if defining else max(pool, key=lambda c: len(c.program.text))


def _is_stub(program: Program, entry_point: str) -> bool:
    """Whether the entry point is a function of nothing but a docstring, `...`, `pass` or a raise."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == entry_point
        and all(isinstance(part, ast.Pass | ast.Raise)
                or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant)) for part in node.body)
        for node in program.tree.body)


def _is_definition(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def _is_test_class(node: ast.stmt) -> bool:
    return isinstance(node, ast.ClassDef) and any(
        dotted_name(base).endswith("TestCase") for base in node.bases)
