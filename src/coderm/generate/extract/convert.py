"""Tests in other clothes, turned into a TestCase: pytest classes and functions, and bare asserts."""

from __future__ import annotations

import ast

from coderm.generate.extract import pytest_style
from coderm.generate.extract.pytest_style import Function
from coderm.generate.extract.source import Program, dotted_name, is_main_guard, parse, root_name


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


def test_methods(node: ast.stmt) -> list[Function]:
    """The methods of a class that unittest would run."""
    return [part for part in getattr(node, "body", [])
            if isinstance(part, Function) and part.name.startswith("test")]


def as_test_case(program: Program) -> Program | None:
    """The program itself where it has a TestCase, else one with a TestCase made of its tests; None without tests."""
    if test_cases(program):
        return program
    try:
        return _converted(program)
    except RecursionError:
        return None


def _converted(program: Program) -> Program | None:
    names = pytest_style.names_of(program)
    module: list[ast.stmt] = []
    classes: list[ast.stmt] = []
    methods: list[ast.stmt] = []
    for node in ast.parse(program.text).body:
        if isinstance(node, ast.ClassDef) and test_methods(node) and not node.keywords:
            classes += filter(None, [pytest_style.test_class(node, names)])
        elif isinstance(node, Function) and node.name.startswith("test") and (
                method := pytest_style.method(node, names)):
            methods.append(method)
        else:
            module.append(node)
    module, script = _split_script(module, has_others=bool(methods or classes))
    if script:
        arguments = ast.arguments([], [ast.arg("self")], None, [], [], None, [])
        methods.append(ast.FunctionDef("test_asserts", arguments, script, []))
    if methods:
        case = ast.parse("unittest.TestCase", mode="eval").body
        classes.append(ast.ClassDef("TestFunctions", [case], [], methods, []))
    if not classes:
        return None
    text = ast.unparse(ast.fix_missing_locations(ast.Module(module + classes, [])))
    return parse(f"{text}\n{pytest_style.APPROX}" if "_Approx(" in text else f"{text}\n")


def _split_script(module: list[ast.stmt], *, has_others: bool) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """Module-level statements that assert, and those between them, apart from the rest of the module.

    Where other tests were found only statements with an assert of their own count; else calls of a function
    that asserts count too, those under a `__main__` guard included.
    """
    functions = {node.name: node for node in module if isinstance(node, Function)}
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
    return isinstance(node, Function | ast.ClassDef | ast.Import | ast.ImportFrom)


def _asserts(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Assert) for part in ast.walk(node))
