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
from coderm.generate.extract.detach import is_under_test
from coderm.generate.extract.result import Extraction
from coderm.generate.extract.source import Program, Statement, dotted_name, is_main_guard, root_name, targets

_ENDS_THE_PROGRAM = {"exit", "quit", "sys.exit", "os._exit", "unittest.main", "doctest.testmod", "pytest.main"}


def solution(reply: str, entry_point: str | None) -> Extraction:
    """The last program of the reply that defines the entry point, cleaned."""
    return candidates.extract(reply, lambda found: _chosen(found, entry_point), whole_statements=True)


def _chosen(found: list[candidates.Candidate], entry_point: str | None) -> Extraction:
    if entry_point is None:
        return Extraction(candidates.with_missing_names(_without_entry_point(found), found).text)
    defining = [c for c in found if _defines(c.program, entry_point)]
    if not defining:
        return Extraction(reason="no_entry_point" if found[-1].block.closed else "truncated")
    chosen = next((c for c in reversed(defining) if not _is_stub(c.program, entry_point)), defining[-1])
    program = candidates.with_missing_names(chosen, found)
    return Extraction((program.without(demonstration(program, entry_point)) or program).text)


def demonstration(program: Program, entry_point: str) -> list[ast.stmt]:
    """The module-level statements that only use the solution and are no part of it."""
    own = targets(program, entry_point)
    users = _users(program, own)
    needed = frozenset().union(*(s.reads for s in program.statements if s.binds & own or (
        _is_definition(s.node) and not s.binds & users)))
    unwanted = users | own
    dropped = []
    for statement in program.statements:
        node = statement.node
        if isinstance(node, ast.Import | ast.ImportFrom) or (statement.binds & own and not is_main_guard(node)):
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
    if is_main_guard(node) or isinstance(node, ast.Assert) or _reads_input(node):
        return True
    if isinstance(node, ast.Expr):
        if not isinstance(node.value, ast.Call):
            return not isinstance(node.value, ast.Constant)
        if root_name(node.value) == "print" or dotted_name(node.value.func) in _ENDS_THE_PROGRAM:
            return True
    return bool(statement.reads & unwanted) and not statement.binds & needed


def _reads_input(node: ast.stmt) -> bool:
    """Whether a statement reads standard input or the command line."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and (
                dotted_name(part.func) == "input" or dotted_name(part.func).startswith(("sys.stdin.", "stdin."))
                or getattr(part.func, "attr", "") == "parse_args"):
            return True
        if isinstance(part, ast.Subscript | ast.For) and dotted_name(
                part.value if isinstance(part, ast.Subscript) else part.iter) in ("sys.argv", "sys.stdin"):
            return True
    return False


def _users(program: Program, own: frozenset[str]) -> frozenset[str]:
    """Names of functions that lead to the entry point or to standard input, and that it does not need itself."""
    reads: dict[str, frozenset[str]] = {}
    for statement in program.statements:
        if _is_definition(statement.node):
            asks = {"input"} if _reads_input(statement.node) else set()
            for name in statement.binds:
                reads[name] = reads.get(name, frozenset()) | statement.reads | asks
    needs = reachable(reads, set(own))
    return frozenset(name for name in reads if name not in needs and (own | {"input"}) & reachable(reads, {name}))


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


def _defines(program: Program, entry_point: str) -> bool:
    """Whether the module defines the entry point itself, or a class with a method of that name.

    An import defines it only from the standard library: any other is a usage example's import of the solution.
    """
    own = targets(program, entry_point)
    return any(s.binds & own and not (isinstance(s.node, ast.Import | ast.ImportFrom) and is_under_test(s.node))
               for s in program.statements)


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
