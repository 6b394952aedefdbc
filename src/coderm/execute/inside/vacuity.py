"""Whether a unit test can prove anything, from its syntax tree: has it an assertion that can fail, and must one run?"""

from __future__ import annotations

import ast
import unittest
from typing import NamedTuple

_CATCHES_FAILURES = {"AssertionError", "Exception", "BaseException", "failureException"}
_TRIES = (ast.Try, ast.TryStar)
_RAISES = {"assertRaises": 1, "assertRaisesRegex": 2, "assertWarns": 1, "assertWarnsRegex": 2}
"""They compare nothing where they are given no more arguments than that, and no `with` enters what they return."""
_OF_MOCKS = frozenset("assert_any_await assert_any_call assert_awaited assert_awaited_once assert_awaited_once_with "
                      "assert_awaited_with assert_called assert_called_once assert_called_once_with assert_called_with "
                      "assert_has_awaits assert_has_calls assert_not_awaited assert_not_called".split())
"""They compare with what the mock has seen, so that constants among their arguments claim something."""


class Vacuity(NamedTuple):
    """`certain`: a passing run cannot but have run an assertion. `asserts`: ids of the assertions that can fail and are
    heard when they do. `failures`: those that must not even be reached."""

    reason: str | None
    certain: bool = False
    asserts: frozenset[int] = frozenset()
    failures: tuple[ast.AST, ...] = ()


def vacuous(tree: ast.Module, nodes: list[ast.AST], classes: list[ast.ClassDef]) -> Vacuity:
    """Why the test can prove nothing, if it cannot; `nodes` are all of its tree."""
    if not any(node.bases for node in classes):
        return Vacuity("has no test case class")
    methods = [item for node in classes for item in node.body
               if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name.startswith("test")]
    if not methods:
        dynamic = any(_called(node) in {"setattr", "type"} for node in nodes)
        return Vacuity(None if dynamic else "has no test method")
    if all(_switched_off(node) for node in classes):
        return Vacuity("all its test cases are skipped or expected to fail")
    live = [m for m in methods if not _switched_off(m)]
    if not live:
        return Vacuity("all its test cases are skipped or expected to fail")
    if muted := {name for node in nodes for name in _mutes(node)}:
        return Vacuity(f"replaces {', '.join(sorted(muted))} by what cannot fail")
    asserts = _failing_assertions(tree, skip={id(m) for m in methods if _switched_off(m)})
    if not asserts:
        return Vacuity("has no assertion that can fail")
    return Vacuity(None, any(_certainly_asserts(m, asserts) for m in live), frozenset(asserts),
                   tuple(node for node in nodes if id(node) in asserts and is_failure(node)))


def _switched_off(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(last_name(d.func if isinstance(d, ast.Call) else d) in {"skip", "expectedFailure"}
               for d in node.decorator_list)


def _mutes(node: ast.AST) -> list[str]:
    """Assertions of unittest's that a class, or a store on `self`, gives another meaning without an assertion in it."""
    if isinstance(node, ast.ClassDef):
        return [item.name for item in node.body if isinstance(item, ast.FunctionDef) and item.name in _OF_UNITTEST
                and not any(can_fail(inner) for inner in ast.walk(item))]
    stored = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr in _OF_UNITTEST
    return [node.attr] if stored and last_name(node.value) == "self" else []  # type: ignore[attr-defined]


_OF_UNITTEST = frozenset(name for name in dir(unittest.TestCase) if name.startswith("assert"))


def _failing_assertions(tree: ast.AST, skip: set[int]) -> set[int]:
    """ids of the nodes that assert something which can fail and whose failure is not swallowed."""
    found: set[int] = set()

    def visit(node: ast.AST, swallowed: bool) -> None:
        if id(node) in skip:
            return
        if not swallowed and can_fail(node):
            found.add(id(node))
        if isinstance(node, _TRIES) and _swallows(node):
            for guarded in node.body:
                visit(guarded, True)
            for other in (*node.handlers, *node.orelse, *node.finalbody):
                visit(other, swallowed)
            return
        if isinstance(node, ast.Expr) and _asks_nothing(node.value):
            return
        if isinstance(node, ast.With) and any(_suppresses(item) for item in node.items):
            # what `assertRaises(Exception)` waits for may then be the failure of an assertion
            swallowed = swallowed or not any(_raises(item) for item in node.items) or any(
                can_fail(inner) for statement in node.body for inner in ast.walk(statement))
        for child in ast.iter_child_nodes(node):
            visit(child, swallowed)

    visit(tree, False)
    return found


def can_fail(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not _is_true(node.test)
    if isinstance(node, ast.Raise):
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return raised is not None and last_name(raised) in {"AssertionError", "failureException"}
    if not isinstance(node, ast.Call):
        return False
    name = last_name(node.func)
    if name == "fail" and isinstance(node.func, ast.Attribute):
        return True
    if name == "addCleanup" and node.args:
        return last_name(node.args[0]).startswith("assert")  # called for it once the test method is over
    if not name.lower().startswith("assert") or name == "AssertionError":
        return False
    if is_failure(node):
        return True
    if name in _OF_MOCKS and isinstance(node.func, ast.Attribute) and not is_constant(node.func.value):
        return True
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    if not arguments:
        return True  # a helper of the test's own
    if all(is_constant(a) for a in arguments) or (name == "assertTrue" and _is_true(arguments[0])):
        return False
    return not (len(node.args) >= 2 and _is_variable(node.args[0])
                and ast.dump(node.args[0]) == ast.dump(node.args[1]))


def _is_variable(node: ast.expr) -> bool:
    """`x` or `self.x`."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                                          and node.value.id == "self")


def is_failure(node: ast.AST) -> bool:
    """Whether to reach the node is to fail."""
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant) and not node.test.value
    if isinstance(node, ast.Raise):
        return can_fail(node)
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr == "fail":
        return True
    claim = node.args[0] if node.args else None
    return isinstance(claim, ast.Constant) and bool(claim.value) is _WRONG.get(node.func.attr)


_WRONG = {"assertTrue": False, "assertFalse": True}


def is_constant(node: ast.AST) -> bool:
    return not any(isinstance(n, ast.Name | ast.Call | ast.Attribute | ast.Await | ast.NamedExpr)
                   for n in ast.walk(node))


def _is_true(node: ast.expr) -> bool:
    """Whether it is true whatever the candidate answers: `(x, "message")`, `[x]`, `x or True`, a generator."""
    if isinstance(node, ast.Constant):
        return bool(node.value)
    if isinstance(node, ast.BoolOp):
        return (any if isinstance(node.op, ast.Or) else all)(map(_is_true, node.values))
    if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
        items = node.keys if isinstance(node, ast.Dict) else node.elts
        return not all(item is None or isinstance(item, ast.Starred) for item in items)
    return isinstance(node, ast.GeneratorExp | ast.Lambda) or is_constant(node)


def _asks_nothing(node: ast.expr) -> bool:
    """`self.assertRaises(ValueError)` by itself."""
    return (isinstance(node, ast.Call) and len(node.args) <= _RAISES.get(last_name(node.func), -1)
            and not any(isinstance(argument, ast.Starred) for argument in node.args))


def _swallows(node: ast.Try | ast.TryStar) -> bool:
    """Whether a failed assertion in the body of this `try` goes unnoticed."""
    if any(isinstance(n, ast.Return | ast.Break | ast.Continue) for n in node.finalbody):
        return True
    for handler in node.handlers:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        if any(kind is None or last_name(kind) in _CATCHES_FAILURES for kind in kinds):
            inside = [n for statement in handler.body for n in ast.walk(statement)]
            return not any(isinstance(n, ast.Raise) or can_fail(n) or _is_plain_failure(n) for n in inside)
    return False


def _is_plain_failure(node: ast.AST) -> bool:
    """`assert False` and `assertTrue(False)`: they cannot hold, so reaching them is the failure."""
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and last_name(node.func).startswith("assert"))


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    return (isinstance(call, ast.Call) and (last_name(call.func) == "suppress" or _raises(item))
            and any(last_name(a) in _CATCHES_FAILURES for a in call.args))


def _raises(item: ast.withitem) -> bool:
    return _called(item.context_expr) == "assertRaises"


def _certainly_asserts(method: ast.FunctionDef | ast.AsyncFunctionDef, asserts: set[int]) -> bool:
    """Whether the method cannot end normally without having run one of the assertions."""
    if isinstance(method, ast.AsyncFunctionDef):
        return False
    if any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(method)):
        return False
    return _block_asserts(method.body, asserts)


def _block_asserts(body: list[ast.stmt], asserts: set[int]) -> bool:
    for statement in body:
        if isinstance(statement, ast.Assert | ast.Raise) and id(statement) in asserts:
            return True
        if isinstance(statement, ast.Expr) and id(statement.value) in asserts:
            return True
        if isinstance(statement, ast.With):
            if any(id(item.context_expr) in asserts for item in statement.items):
                return True
            if not any(_suppresses(item) for item in statement.items) and _block_asserts(statement.body, asserts):
                return True
        elif not isinstance(statement, ast.Expr | ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Assert | ast.Import
                            | ast.ImportFrom | ast.Pass | ast.Delete | ast.FunctionDef):
            # anything that may leave the method or the block early: loops, branches, try, return
            return False
    return False


def _called(node: ast.AST) -> str | None:
    return last_name(node.func) if isinstance(node, ast.Call) else None


def last_name(node: ast.AST | None) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
