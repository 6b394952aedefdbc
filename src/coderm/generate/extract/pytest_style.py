"""pytest's ways of writing tests, translated into unittest's: parametrize, raises, approx, set-up methods, skips.

What cannot be translated honestly (a fixture from elsewhere, a generator fixture) gives None, and the test is left
out: a test that fails for want of pytest would vote against every candidate.
"""

from __future__ import annotations

import ast

from coderm.generate.extract.source import Program, dotted_name

Function = ast.FunctionDef | ast.AsyncFunctionDef

_SET_UP = {"setup_method": "setUp", "teardown_method": "tearDown", "setup_class": "setUpClass",
           "teardown_class": "tearDownClass"}
_LEFT_OUT = ("skip", "skipif", "xfail", "fixture")

APPROX = '''
class _Approx:
    """Equal within the tolerances of pytest.approx: 1e-6 of the expected number, or 1e-12."""

    def __init__(self, expected, rel=None, abs=None, nan_ok=False):
        self.expected, self.least = expected, 1e-12 if abs is None else abs
        self.rel = (1e-6 if abs is None else 0.0) if rel is None else rel

    def __eq__(self, actual):
        if isinstance(self.expected, (list, tuple)):
            return len(actual) == len(self.expected) and all(map(self.close, actual, self.expected))
        if isinstance(self.expected, dict):
            return actual.keys() == self.expected.keys() and all(
                self.close(actual[key], value) for key, value in self.expected.items())
        return self.close(actual, self.expected)

    def close(self, actual, expected):
        return actual == expected or abs(actual - expected) <= max(self.rel * abs(expected), self.least)
'''


def names_of(program: Program) -> dict[str, str]:
    """How a program calls the parts of pytest: {"pytest.raises": "raises", "approx": "approx", ...}."""
    names: dict[str, str] = {}
    for node in ast.walk(program.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "pytest":
                    names |= {f"{alias.asname or 'pytest'}.{part}": part for part in ("raises", "approx", "param")}
        elif isinstance(node, ast.ImportFrom) and node.module == "pytest":
            names |= {alias.asname or alias.name: alias.name for alias in node.names}
    return names


def method(node: Function, names: dict[str, str], *, in_class: bool = False) -> Function | None:
    """A test function, or a method of a pytest class, as a method of a TestCase; parametrised ones loop."""
    body = node.body
    wanted = [arg.arg for arg in node.args.posonlyargs + node.args.args + node.args.kwonlyargs][in_class:]
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = dotted_name(call.func if call else decorator).rpartition(".")[2]
        if name in _LEFT_OUT:
            return None
        if name == "parametrize" and call:
            loop = _loop(call, body)
            if loop is None:
                return None
            body = [loop[0]]
            wanted = [arg for arg in wanted if arg not in loop[1]]
    if wanted or node.args.vararg or node.args.kwarg or isinstance(node, ast.AsyncFunctionDef):
        return None
    arguments = ast.arguments([], [ast.arg("self")], None, [], [], None, [])
    return _Translated(names).translate(ast.FunctionDef(node.name, arguments, body, []))


def test_class(node: ast.ClassDef, names: dict[str, str]) -> ast.ClassDef | None:
    """A pytest class as a TestCase, without the tests that cannot be translated."""
    body: list[ast.stmt] = []
    for part in node.body:
        if not isinstance(part, Function):
            body.append(part)
        elif part.name == "__init__":
            return None
        elif part.name.startswith("test"):
            body += filter(None, [method(part, names, in_class=True)])
        else:
            fixture = any("fixture" in ast.unparse(decorator) for decorator in part.decorator_list)
            if fixture and (len(part.args.args) > 1 or any(isinstance(n, ast.Yield) for n in ast.walk(part))):
                return None
            if fixture or part.name in _SET_UP:
                part.decorator_list = [d for d in part.decorator_list if dotted_name(d) == "classmethod"]
                part.args.args = part.args.args[:1]
            part.name = "setUp" if fixture else _SET_UP.get(part.name, part.name)
            body.append(part)
    bases = [base for base in node.bases if dotted_name(base) != "object"]
    case = ast.parse("unittest.TestCase", mode="eval").body
    return ast.ClassDef(node.name, [*bases, case], [], body, [])


def _loop(decorator: ast.Call, body: list[ast.stmt]) -> tuple[ast.stmt, list[str]] | None:
    """`for NAMES in VALUES: body` out of a parametrize decorator, and the names; None where it is not plain."""
    given = decorator.args + [k.value for k in decorator.keywords if k.arg in ("argnames", "argvalues")]
    if len(given) < 2 or not isinstance(given[0], ast.Constant | ast.List | ast.Tuple):
        return None
    if any(isinstance(part, ast.keyword) and part.arg == "marks" for part in ast.walk(given[1])):
        return None
    try:
        listed = ast.literal_eval(given[0])
    except ValueError:
        return None
    one = isinstance(listed, str) and "," not in listed
    listed = [name.strip() for name in listed.split(",")] if isinstance(listed, str) else listed
    if not isinstance(listed, list | tuple) or not all(isinstance(n, str) and n.isidentifier() for n in listed):
        return None
    target = ast.parse(listed[0] if one else f"({', '.join(listed)},)", mode="eval").body
    return ast.For(target, given[1], body, []), list(listed)


class _Translated(ast.NodeTransformer):
    """pytest.raises(E, match=M) -> self.assertRaisesRegex(E, M); approx -> _Approx; pytest.param(a, b) -> (a, b)."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.raised: set[str] = set()

    def translate(self, node: ast.FunctionDef) -> ast.FunctionDef:
        for part in ast.walk(node):
            if isinstance(part, ast.withitem) and isinstance(part.optional_vars, ast.Name) and isinstance(
                    part.context_expr, ast.Call) and self.names.get(dotted_name(part.context_expr.func)) == "raises":
                self.raised.add(part.optional_vars.id)
        return self.visit(node)  # type: ignore[no-any-return]

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        self.generic_visit(node)
        if node.attr == "value" and dotted_name(node.value) in self.raised:
            node.attr = "exception"
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        what = self.names.get(dotted_name(node.func))
        if what == "raises":
            match = [k.value for k in node.keywords if k.arg == "match"]
            name = "assertRaisesRegex" if match else "assertRaises"
            func = ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())
            return ast.Call(func, node.args[:1] + match + node.args[1:], [])
        if what == "approx":
            node.func = ast.Name("_Approx", ast.Load())
        if what == "param":
            return node.args[0] if len(node.args) == 1 else ast.Tuple(node.args, ast.Load())
        return node
