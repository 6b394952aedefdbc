"""What can be known about Python text without running it: functions, declarations, imports, literals, identity."""

from __future__ import annotations

import ast
import warnings

MAX_DEPTH = 150
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_LITERAL_CALLS = {"set", "frozenset", "float", "complex", "tuple", "list", "dict"}


def parse(text: str) -> ast.Module | None:
    """The syntax tree, or None where the text is not Python or nests so deeply that walking it could fail."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return None if level else tree


def functions(tree: ast.Module) -> dict[str, FunctionNode]:
    """Top-level functions by name, in order."""
    return {node.name: node for node in tree.body if isinstance(node, FunctionNode)}


def entry_point(tree: ast.Module) -> str | None:
    """The function that a solution is about: the last top-level one that no other calls, else a lone class's method.

    >>> entry_point(ast.parse("def helper(x): return x\\ndef area(r): return helper(r)"))
    'area'
    """
    named = functions(tree)
    called = {name for node in named.values() for name in names(node) if name != node.name}
    for name in reversed(named):
        if name not in called and name != "main":
            return name
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            public = [f.name for f in node.body if isinstance(f, FunctionNode) and not f.name.startswith("_")]
            return public[0] if len(public) == 1 else None
    return None


def names(node: ast.AST) -> set[str]:
    """Every name that is read anywhere inside."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def declaration(node: FunctionNode) -> str:
    """The `def` line, unparsed.

    >>> declaration(ast.parse("def f(a: int, b=2) -> int: return a").body[0])
    'def f(a: int, b=2) -> int'
    """
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}"


def imported(tree: ast.Module) -> set[str]:
    """The first part of every module that is imported anywhere, nested imports included."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else (node.module or "").partition(".")[0])
    return found


def is_literal(node: ast.AST) -> bool:
    """Whether an expression is plain data: constants, containers, signs and arithmetic of them, set() and the like.

    >>> [is_literal(ast.parse(text, mode="eval").body) for text in ("[-1, (2, 3j)]", "float('inf')", "f(1)", "x")]
    [True, True, False, False]
    """
    match node:
        case ast.Constant():
            return True
        case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
            return all(map(is_literal, parts))
        case ast.Dict(keys=keys, values=values):
            return all(key is not None and is_literal(key) for key in keys) and all(map(is_literal, values))
        case ast.UnaryOp(operand=operand):
            return is_literal(operand)
        case ast.BinOp(left=left, right=right):
            return is_literal(left) and is_literal(right)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            return name in _LITERAL_CALLS and all(map(is_literal, args))
    return False


def fingerprint(text: str) -> str:
    """Equal for texts that differ only in comments, docstrings and layout; the text itself where it is not Python."""
    tree = parse(text)
    return text if tree is None else ast.dump(without_docstrings(tree))


def without_docstrings(tree: ast.Module) -> ast.Module:
    """The same tree, its docstrings taken out in place (an emptied body gets a `pass`)."""
    for node in ast.walk(tree):
        match node:
            case (ast.Module(body=[ast.Expr(value=ast.Constant(value=str())), *_])
                  | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str())), *_])
                  | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())), *_])
                  | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant(value=str())), *_])):
                node.body = node.body[1:] or [ast.Pass()]
    return tree
