"""Whether a repaired unit test is the old one with only its expected values corrected.

A repair may not buy its pass: calls, inputs, assertion methods, tolerances and structure must be equal, and an
expected value may only become another literal. Two trees are walked side by side; they may differ at the expected
positions of the old one and nowhere else (comments and docstrings are no part of the comparison):

    self.assertEqual(f(2), 4)                          an argument of an equality assertion that stands beside a call
    assert f(2) == 4;  self.assertTrue(f(2) == 4)      a side of a lone ==, likewise
    expected = 4; self.assertEqual(f(2), expected)     the literal behind a name that is used for nothing else
    for x, y in [(2, 4)]: self.assertEqual(f(x), y)    the same in a table

What stands beside a comparison (`self.assertEqual(f(2) == 4, True)`) is no expected value: to change it turns the
assertion round.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from coderm.synthesize import syntax

EQUALITIES = {
    "assertEqual", "assertEquals", "assertAlmostEqual", "assertListEqual", "assertTupleEqual", "assertSetEqual",
    "assertDictEqual", "assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual", "assertIs",
}


def cheat(old: str, new: str) -> str | None:
    """Why the new test is not an honest repair of the old one, or None where it is.

    Returns one of: unparsable, unchanged, assertion (another method), expected (no longer a literal), rewritten
    (anything else that differs: an input, a call, a tolerance, a test case more or less).
    """
    before, after = syntax.parse(old), syntax.parse(new)
    if before is None or after is None:
        return "unparsable"
    syntax.without_docstrings(before)
    syntax.without_docstrings(after)
    if ast.dump(before) == ast.dump(after):
        return "unchanged"
    allowed = {id(node) for scope in ast.walk(before) if isinstance(scope, syntax.FunctionNode)
               for node in _expected(scope)}
    return _difference(before, after, allowed)


def _difference(a: object, b: object, allowed: set[int]) -> str | None:
    """The first difference that is not allowed, walking both trees."""
    if id(a) in allowed:
        return None if isinstance(b, ast.AST) and syntax.is_literal(b) else "expected"
    if isinstance(a, ast.AST) and isinstance(b, ast.AST):
        if type(a) is not type(b):
            return "rewritten"
        if isinstance(a, ast.Attribute) and isinstance(b, ast.Attribute) and a.attr != b.attr:
            return "assertion" if a.attr.startswith("assert") else "rewritten"
        pairs = [(getattr(a, field, None), getattr(b, field, None)) for field in a._fields]
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return "rewritten"
        pairs = list(zip(a, b, strict=True))
    else:
        return None if type(a) is type(b) and a == b else "rewritten"
    for x, y in pairs:
        if found := _difference(x, y, allowed):
            return found
    return None


def _expected(scope: syntax.FunctionNode) -> Iterator[ast.expr]:
    """The literals inside one method that are what its assertions expect."""
    compared = [expected for node in ast.walk(scope) for expected in _beside_a_call(node, scope)]
    yield from (node for node in compared if syntax.is_literal(node))
    uses = [node for node in ast.walk(scope) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    expected_uses = {id(node) for node in compared} | {id(node) for node in _labels(scope)}
    pure = {node.id for node in uses} - {node.id for node in uses if id(node) not in expected_uses}
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in pure and syntax.is_literal(value):
                yield value
            case ast.For(target=ast.Tuple(elts=targets), iter=table):
                for row in _rows(table, scope, uses):
                    if isinstance(row, ast.Tuple | ast.List) and len(row.elts) == len(targets):
                        yield from (value for target, value in zip(targets, row.elts, strict=True)
                                    if isinstance(target, ast.Name) and target.id in pure and syntax.is_literal(value))


def _beside_a_call(node: ast.AST, scope: syntax.FunctionNode) -> Iterator[ast.expr]:
    """The sides of an equality assertion that are no result: literal or name, with a result on the other side."""
    match node:
        case ast.Call(func=ast.Attribute(attr=method), args=[left, right, *_]) if method in EQUALITIES:
            sides = [(left, right), (right, left)]
        case (ast.Assert(test=ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]))
              | ast.Call(func=ast.Attribute(attr="assertTrue"),
                         args=[ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]), *_])):
            sides = [(left, right), (right, left)]
        case _:
            return
    results = _result_names(scope)
    for side, other in sides:
        if not _is_result(side, results) and _is_result(other, results) and not _judges(other):
            yield side


def _judges(node: ast.expr) -> bool:
    """Whether an expression is itself a judgement of a result: what it is compared with says which way."""
    match node:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return True
        case ast.BoolOp(values=values):
            return any(map(_judges, values))
        case ast.Call(func=ast.Name(id=name)):
            return name in ("isinstance", "issubclass", "hasattr", "callable", "all", "any")
    return False


def _is_result(node: ast.expr, results: set[str]) -> bool:
    """Whether an expression holds what a call returned."""
    return not syntax.is_literal(node) and (any(isinstance(n, ast.Call) for n in ast.walk(node))
                                            or bool(syntax.names(node) & results))


def _result_names(scope: syntax.FunctionNode) -> set[str]:
    """Names that are assigned something other than a literal or a judgement: results of calls, in practice."""
    return {target.id for node in ast.walk(scope)
            if isinstance(node, ast.Assign) and not syntax.is_literal(node.value) and not _judges(node.value)
            for target in node.targets if isinstance(target, ast.Name)}


def _labels(scope: syntax.FunctionNode) -> Iterator[ast.AST]:
    """What stands in the arguments of `self.subTest(...)`: it names a case and decides nothing."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "subTest":
            yield from ast.walk(node)


def _rows(table: ast.expr, scope: syntax.FunctionNode, uses: list[ast.Name]) -> list[ast.expr]:
    """The rows of a literal table, written in place or behind a name that this loop alone reads."""
    if isinstance(table, ast.Name) and [use.id for use in uses].count(table.id) == 1:
        values = [node.value for node in ast.walk(scope) if isinstance(node, ast.Assign)
                  and any(isinstance(t, ast.Name) and t.id == table.id for t in node.targets)]
        table = values[0] if len(values) == 1 else table
    return table.elts if isinstance(table, ast.List | ast.Tuple) else []
