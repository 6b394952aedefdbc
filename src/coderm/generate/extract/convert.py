"""Tests in other clothes, turned into a TestCase: pytest classes and functions, and bare asserts."""

from __future__ import annotations

import ast

from coderm.generate.extract.source import Program, dotted_name, is_main_guard, parse, root_name

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def test_cases(program: Program) -> list[ast.ClassDef]:
    """The module's TestCase classes, by their base or by the base of a base within the program."""
    classes = {s.name: s for s in program.tree.body if isinstance(s, ast.ClassDef)}

    def is_test_case(node: ast.ClassDef) -> bool:
        seen: set[str] = set()
        todo = [node]
        while todo:
            current = todo.pop()
            if current.name in seen:
                continue
            seen.add(current.name)
            for base in current.bases:
                if isinstance(base, ast.Name) and base.id in classes and base.id != current.name:
                    todo.append(classes[base.id])
                elif dotted_name(base).endswith("TestCase"):
                    return True
        return False

    return [s for s in program.tree.body if isinstance(s, ast.ClassDef) and is_test_case(s)]


def test_methods(node: ast.stmt) -> list[_Function]:
    """The methods of a class that unittest would run."""
    return [part for part in getattr(node, "body", [])
            if isinstance(part, _Function) and part.name.startswith("test")]


def as_test_case(program: Program) -> Program | None:
    """The program itself where it has a TestCase, else one with a TestCase made of its tests; None without tests."""
    if test_cases(program):
        return program
    try:
        return _converted(program)
    except RecursionError:
        return None


def _converted(program: Program) -> Program | None:
    tree = ast.parse(program.text)
    module: list[ast.stmt] = []
    methods: list[_Function] = []
    classes = 0
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and test_methods(node) and not node.keywords:
            module.append(_with_base(node))
            classes += 1
        elif isinstance(node, _Function) and node.name.startswith("test") and (method := _as_method(node)):
            methods.append(method)
        else:
            module.append(node)
    module, script = _split_script(module, has_others=bool(methods or classes))
    if script:
        methods.append(_method("test_asserts", script))
    if not methods and not classes:
        return None
    if methods:
        module.append(ast.ClassDef("TestFunctions", [ast.parse("unittest.TestCase", mode="eval").body], [],
                                   [_Raises().visit(method) for method in methods], []))
    return parse(ast.unparse(ast.fix_missing_locations(ast.Module(module, []))) + "\n")


def _with_base(node: ast.ClassDef) -> ast.ClassDef:
    """A pytest class with TestCase as its base, and its set-up methods under unittest's names."""
    names = {"setup_method": "setUp", "teardown_method": "tearDown", "setup_class": "setUpClass",
             "teardown_class": "tearDownClass"}
    node.bases = [ast.parse("unittest.TestCase", mode="eval").body]
    for part in node.body:
        if isinstance(part, _Function):
            if part.name in names:
                part.args.args = part.args.args[:1]
            part.name = names.get(part.name, part.name)
    return _Raises().visit(node)  # type: ignore[no-any-return]


def _as_method(node: _Function) -> _Function | None:
    """A pytest function as a method; parametrised ones loop; None where an argument has no known value."""
    body = node.body
    supplied: set[str] = set()
    for decorator in node.decorator_list:
        if not isinstance(decorator, ast.Call) or not dotted_name(decorator.func).endswith("mark.parametrize"):
            continue
        names, values = (decorator.args + [k.value for k in decorator.keywords])[:2]
        try:
            listed = ast.literal_eval(names)
        except (ValueError, TypeError):
            return None
        one = isinstance(listed, str) and "," not in listed
        listed = [name.strip() for name in listed.split(",")] if isinstance(listed, str) else list(listed)
        if not listed or not all(isinstance(name, str) and name.isidentifier() for name in listed):
            return None
        target = ast.parse(listed[0] if one else f"({', '.join(listed)},)", mode="eval").body
        body = [ast.For(target, values, body, [])]
        supplied |= set(listed)
    a = node.args
    wanted = {arg.arg for arg in a.posonlyargs + a.args + a.kwonlyargs}
    if wanted != supplied or a.vararg or a.kwarg:
        return None
    method = _method(node.name, body)
    return method if isinstance(node, ast.FunctionDef) else None


def _split_script(module: list[ast.stmt], *, has_others: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Module-level statements that assert, and those between them, apart from the rest of the module.

    Where other tests were found only statements with an assert of their own count; else calls of a function
    that asserts count too, those under a `__main__` guard included.
    """
    functions = {node.name: node for node in module if isinstance(node, _Function)}
    asserting = set() if has_others else {name for name, node in functions.items() if _asserts(node)}
    flat: list[ast.stmt] = []
    for node in module:
        flat += node.body if isinstance(node, ast.If) and is_main_guard(node) and not has_others else [node]
    script = [node for node in flat if not _stays(node) and (
        _asserts(node) or any(isinstance(part, ast.Name) and part.id in asserting for part in ast.walk(node)))]
    if not script:
        return module, []
    read_in_definitions = {part.id for node in functions.values() for part in ast.walk(node)
                           if isinstance(part, ast.Name)}
    last = flat.index(script[-1])
    for node in flat[:last]:
        binds = {part.id for part in ast.walk(node)
                 if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
        printing = isinstance(node, ast.Expr) and root_name(node.value) in ("print", "")
        if node not in script and not _stays(node) and not binds & read_in_definitions and not printing:
            script.append(node)
    script.sort(key=flat.index)
    return [node for node in flat if node not in script], script


def _stays(node: ast.stmt) -> bool:
    """Definitions and imports, which stay in the module."""
    return isinstance(node, _Function | ast.ClassDef | ast.Import | ast.ImportFrom)


def _asserts(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))


def _method(name: str, body: list[ast.stmt]) -> ast.FunctionDef:
    arguments = ast.arguments([], [ast.arg("self")], None, [], [], None, [])
    return ast.FunctionDef(name, arguments, body, [])


class _Raises(ast.NodeTransformer):
    """pytest.raises(E) -> self.assertRaises(E); with match= -> self.assertRaisesRegex(E, match)."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if dotted_name(node.func) != "pytest.raises":
            return node
        match = [k.value for k in node.keywords if k.arg == "match"]
        name = "assertRaisesRegex" if match else "assertRaises"
        func = ast.Attribute(ast.Name("self", ast.Load()), name, ast.Load())
        return ast.Call(func, node.args[:1] + match + node.args[1:], [k for k in node.keywords if k.arg != "match"])
