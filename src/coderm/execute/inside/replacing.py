"""Whether a unit test tests the candidate, or something of its own by the same name."""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator

from .deciding import binding
from .vacuity import last_name

BUILTINS = frozenset(dir(builtins))
_LOOKS_ELSEWHERE = {"globals", "eval", "exec", "__import__", "importlib", "vars", "sys", "locals"}
_SOLUTION = frozenset({"solution", "__main__"})
_PARTS = (ast.Attribute, ast.Subscript)
_REPLACE = frozenset({"patch", "object", "multiple", "dict", "setattr"})  # `mock.patch` and its forms, and the builtin


def replaces(tree: ast.Module, nodes: list[ast.AST], names: frozenset[str], reads: frozenset[str],
             binds: frozenset[str], local: frozenset[str]) -> str | None:
    """How the test comes to test something else than the candidate, if it does.

    `names` are the candidates', `reads` and `binds` the globals that the test reads and binds, `local` what is local to
    some function. One name of the candidate's that it uses and leaves alone is enough.
    """
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    # `from solution import f` binds the candidate's own f, and what is not installed leaves it
    imported = {name for node in imports for name in bound_by(node)}
    of_library = {name for node in imports if _is_librarys(node) for name in bound_by(node)}
    own = binds - imported
    modules = {alias.asname or alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names
               if alias.name == "solution"}
    mocked = names & set(_mocked(nodes, modules))
    read = names & reads
    live = (read - own - of_library) | (names & set(_off_module(nodes, modules)))
    if live <= mocked:
        live |= _taken(tree)
    if not live <= mocked:
        return None
    if mocked & (live | read):
        return f"mocks {', '.join(sorted(mocked))}, which it should test"
    if names_module(nodes):
        return None
    if read & own:
        return f"defines {', '.join(sorted(read & own))} itself instead of testing the candidate's"
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if shadowed := names & local & called:
        return f"shadows {', '.join(sorted(shadowed))} instead of testing the candidate's"
    if names and not (reads - binds - imported - BUILTINS) and not (reads & _LOOKS_ELSEWHERE) \
            and not any(_foreign(node) for node in imports):
        return "never uses the candidate"
    return None


def names_module(nodes: list[ast.AST]) -> bool:
    """Whether it has the solution's module in a string: `sys.modules["solution"]`, `patch("solution.g")`."""
    return any(_text(node).partition(".")[0] == "solution" for node in nodes if isinstance(node, ast.Constant))


def of_candidate(tree: ast.Module, names: frozenset[str], reads: frozenset[str],
                 binds: frozenset[str]) -> frozenset[str]:
    """Names by which the test means the candidate or something of it."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and _foreign(node):
            imported.update(alias.asname or alias.name for alias in node.names)
    return frozenset(imported | ((reads & names) | (reads - BUILTINS)) - binds)


def _taken(tree: ast.Module) -> set[str]:
    """What some scope imports from the solution, reads, and gives no other meaning."""
    found: set[str] = set()
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in scopes:
        taken: dict[str, str] = {}
        other = {node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)}
        for node in _own(scope):
            if isinstance(node, ast.ImportFrom) and _foreign(node):
                taken |= {alias.asname or alias.name: alias.name for alias in node.names}
            elif isinstance(node, ast.Import | ast.ImportFrom):
                other.update(bound_by(node))
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                other.add(node.name)
            else:
                other.add(binding(node))
        found |= {taken[node.id] for node in ast.walk(scope) if isinstance(node, ast.Name)
                  and isinstance(node.ctx, ast.Load) and node.id in taken.keys() - other}
    return found


def _own(scope: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the scopes within."""
    todo: list[ast.AST] = list(scope.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            todo += ast.iter_child_nodes(node)


def _foreign(node: ast.Import | ast.ImportFrom) -> bool:
    """Imports of the module that the candidate is known under."""
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return "solution" in modules


def bound_by(node: ast.Import | ast.ImportFrom) -> list[str]:
    """The names that an import binds."""
    return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]


def _is_librarys(node: ast.Import | ast.ImportFrom) -> bool:
    """`from math import gcd`: whatever the candidates call so is not what the test has then."""
    modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return all(module.partition(".")[0] in sys.stdlib_module_names for module in modules)


# -- what a test does to the solution's module ----------------------------------------------------------------


def _off_module(nodes: list[ast.AST], modules: set[str]) -> Iterator[str]:
    """Names that are read as attributes of the solution's module."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and _is_module(node.value, modules):
            yield node.attr


def _mocked(nodes: list[ast.AST], modules: set[str]) -> Iterator[str]:
    """Names that are given another value in the solution's module: by `mock.patch` in its forms, or by a store."""
    for node in nodes:
        if isinstance(node, ast.Call) and (kind := last_name(node.func)) in _REPLACE:
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            first = node.args[0] if node.args else given.get("target")
            second = node.args[1] if len(node.args) > 1 else given.get("attribute")
            if kind == "patch":
                module, _, name = _text(first).partition(".")
                if module in _SOLUTION:
                    yield name
            elif first is not None and _is_module(first, modules):
                yield _text(second)
                yield from filter(None, given)
        elif isinstance(node, _PARTS) and isinstance(node.ctx, ast.Store) and _is_module(node.value, modules):
            yield node.attr if isinstance(node, ast.Attribute) else _text(node.slice)


def _is_module(node: ast.expr, modules: set[str]) -> bool:
    """Whether it is the solution's module or its namespace, as far as it shows."""
    if isinstance(node, ast.Name):
        return node.id in modules or node.id == "__name__"
    if isinstance(node, ast.Call):  # `globals()`, `vars(solution)`, `import_module("solution")`
        return last_name(node.func) == "globals" or any(_is_module(a, modules) for a in node.args)
    if isinstance(node, ast.Attribute):
        return node.attr == "__dict__" and _is_module(node.value, modules)
    return _text(node.slice if isinstance(node, ast.Subscript) else node) in _SOLUTION


def _text(node: ast.expr | None) -> str:
    """The string that an expression makes of constants and `__name__`, which is the solution's; "" where of others."""
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.FormattedValue):
        return _text(node.value)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    if isinstance(node, ast.Name):
        return "solution" if node.id == "__name__" else ""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
