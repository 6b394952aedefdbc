"""Whether a unit test tests the candidate, or something of its own by the same name."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from .deciding import binding
from .vacuity import last_name

BUILTINS = frozenset(dir(builtins))
_LOOKS_ELSEWHERE = {"globals", "eval", "exec", "__import__", "importlib", "vars", "sys", "locals"}


def replaces(tree: ast.Module, nodes: list[ast.AST], names: frozenset[str], reads: frozenset[str],
             binds: frozenset[str], local: frozenset[str]) -> str | None:
    """How the test comes to test something else than the candidate, if it does.

    `names` are the candidates', `reads` and `binds` the globals that the test reads and binds, `local` what is local to
    some function.
    """
    used = names & reads
    imports = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    # `from solution import f` binds the candidate's own f
    imported = {(alias.asname or alias.name).split(".")[0] for node in imports for alias in node.names}
    binds -= imported
    for node in nodes:
        if isinstance(node, ast.Call) and (target := _patched(node)) in names:
            return f"mocks {target}, which it should test"
    if used and used <= binds:
        return f"defines {', '.join(sorted(used))} itself instead of testing the candidate's"
    if not used and names & local and not _takes(tree, names):
        return f"shadows {', '.join(sorted(names & local))} instead of testing the candidate's"
    if names and not used and not (reads - binds - imported - BUILTINS) and not (reads & _LOOKS_ELSEWHERE) \
            and not any(_foreign(node) for node in imports):
        return "never uses the candidate"
    return None


def of_candidate(tree: ast.Module, names: frozenset[str], reads: frozenset[str],
                 binds: frozenset[str]) -> frozenset[str]:
    """Names by which the test means the candidate or something of it."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) and _foreign(node):
            imported.update(alias.asname or alias.name for alias in node.names)
    return frozenset(imported | ((reads & names) | (reads - BUILTINS)) - binds)


def _takes(tree: ast.Module, names: frozenset[str]) -> bool:
    """Whether some scope imports what it tests from the solution, reads it, and gives the name no other meaning."""
    scopes = [node for node in ast.walk(tree) if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef)]
    for scope in scopes:
        modules: set[str] = set()
        taken: set[str] = set()
        other = {node.arg for node in ast.walk(scope) if isinstance(node, ast.arg)}
        for node in _own(scope):
            if isinstance(node, ast.Import | ast.ImportFrom):
                kind = other if not _foreign(node) else modules if isinstance(node, ast.Import) else taken
                kind.update(alias.asname or alias.name for alias in node.names)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                other.add(node.name)
            else:
                other.add(binding(node))
        for node in ast.walk(scope):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in taken - other:
                return True
            if isinstance(node, ast.Attribute) and node.attr in names and last_name(node.value) in modules - other:
                return True
    return False


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


def _patched(node: ast.Call) -> str | None:
    """The last name of what `mock.patch(...)`, `patch.object(...)` replaces, or None."""
    if last_name(node.func) == "patch" and node.args:
        where = node.args[0]
    elif (isinstance(node.func, ast.Attribute) and node.func.attr == "object" and len(node.args) > 1
            and last_name(node.func.value) == "patch"):
        where = node.args[1]
    else:
        return None
    return where.value.split(".")[-1] if isinstance(where, ast.Constant) and isinstance(where.value, str) else None
