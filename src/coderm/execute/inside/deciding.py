"""Where a test decides about a failure that stands there not to be reached, and whether the candidate has a say in it.

`try: f(-1); self.fail()` or `if f(1) != 2: raise AssertionError`: for a right candidate the failure is never reached.
What asserts something is the call in the `try`, the condition of the `if`, what the loop runs over. A test in which
that much was reached has asserted, provided it asks the candidate: a failure behind `if False` proves nothing. Names
that hold something of the candidate's are followed through assignments, flags and helper functions, without regard to
order: what is taken for the candidate's by mistake costs a test its vacuity, as `assert x == x + 0` does.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .vacuity import last_name

_USES = (ast.Call, ast.Subscript, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Attribute, ast.Await)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES = (ast.If, ast.IfExp, *_LOOPS, ast.Match)
_TRIES = (ast.Try, ast.TryStar)
_WITHS = (ast.With, ast.AsyncWith)
_FILLS = frozenset({"add", "append", "appendleft", "extend", "insert", "put", "setdefault", "update"})
_OWN = frozenset({"self", "cls"})


def decisions(tree: ast.Module, failures: Iterable[ast.AST], candidate: Iterable[str]) -> set[int]:
    """ids of the expressions that decide about one of the failures; `candidate` are the names that are its own."""
    way = _Way(tree, _derived(tree, candidate))
    return {id(node) for failure in failures for node in way.deciders(failure)}


class _Way:
    """The way out from a statement to what decided that it was reached."""

    def __init__(self, tree: ast.Module, derived: set[str]) -> None:
        self._derived = derived
        self._above = {id(child): (node, field) for node in ast.walk(tree) for field, value in ast.iter_fields(node)
                       for child in (value if isinstance(value, list) else [value]) if isinstance(child, ast.AST)}
        self._uses: dict[int, list[ast.expr]] = {}
        self._over: dict[int, list[ast.expr]] = {}

    def deciders(self, failure: ast.AST) -> list[ast.expr]:
        """The expressions that decide about the failure, none where the candidate has no say."""
        return self._out(failure, None)

    def _out(self, node: ast.AST, top: ast.AST | None) -> list[ast.expr]:
        """Go out from a failure, or from a jump that leaves it unreached: this one as far as the `top` of its block."""
        way: list[ast.AST] = []  # what runs before the node; what it asks of the candidate could end the way there
        found: list[ast.expr] = []  # the innermost branch; if a `try` is around it, to be asked may be all there is
        while id(node) in self._above:
            parent, field = self._above[id(node)]
            block = getattr(parent, field)
            if isinstance(block, list) and isinstance(node, ast.stmt):
                before = block[:block.index(node)]
                if top is None and not found and (over := self._avoided(before, parent)):
                    return over
                way += before
            if parent is top or isinstance(parent, _SCOPES):
                return found
            if isinstance(parent, ast.ExceptHandler):
                return found or self._asked(self._above[id(parent)][0].body)  # type: ignore[attr-defined]
            if isinstance(parent, _TRIES):
                if field == "orelse":
                    return found or self._asked(parent.body)
                if field == "body" and parent.handlers and (asked := self._asked(way)):
                    return found + asked
            elif isinstance(parent, _WITHS):
                way += parent.items
                if _silences(parent) and (asked := self._asked(way)):
                    return found + asked
            elif isinstance(parent, _LOOPS) and field == "orelse":
                if not found and (over := self._jumps(parent.body, parent, in_loop=True)):
                    return over
            elif isinstance(parent, _BRANCHES) and field in ("body", "orelse", "cases"):
                question = _question(parent)
                if not found and self._mentions(question):
                    found = [question]
                elif not (isinstance(parent, _LOOPS) and self._asked(way)):
                    return found
            node = parent
        return found

    def _avoided(self, before: list[ast.stmt], parent: ast.AST) -> list[ast.expr]:
        """What decides about jumps over a failure by the statements before it."""
        found: list[ast.expr] = []
        for statement in before:
            if id(statement) not in self._over:
                self._over[id(statement)] = self._jumps([statement], parent, in_loop=isinstance(parent, _LOOPS))
            found += self._over[id(statement)]
        return found

    def _jumps(self, body: list[ast.stmt], top: ast.AST, in_loop: bool) -> list[ast.expr]:
        found: list[ast.expr] = []
        todo: list[tuple[ast.AST, bool]] = [(statement, in_loop) for statement in body]
        while todo:
            node, leaves = todo.pop()
            if isinstance(node, ast.Return) or (leaves and isinstance(node, ast.Break | ast.Continue)):
                found += self._out(node, top)
            elif not isinstance(node, _SCOPES):
                inner = leaves and not isinstance(node, _LOOPS)
                todo += [(child, inner) for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr)]
        return found

    def _mentions(self, node: ast.AST) -> bool:
        return not self._derived.isdisjoint(_names(node))

    def _asked(self, nodes: Iterable[ast.AST]) -> list[ast.expr]:
        """What in these nodes asks the candidate: the last operand of each call or operator."""
        found: list[ast.expr] = []
        for node in nodes:
            if id(node) not in self._uses:
                uses: list[ast.expr] = []
                self._uses[id(node)] = uses
                self._collect(node, uses)
            found += self._uses[id(node)]
        return found

    def _collect(self, node: ast.AST, uses: list[ast.expr]) -> bool:
        """Add the innermost uses below the node; whether it mentions the candidate."""
        if isinstance(node, _SCOPES):
            return isinstance(node, ast.Lambda) and self._mentions(node)
        if isinstance(node, ast.pattern):  # it cannot call
            return False
        known = len(uses)
        of_method = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        below = [self._collect(child.value if of_method and child is node.func else child, uses)  # type: ignore[attr-defined]
                 for child in ast.iter_child_nodes(node)]
        mentions = any(below)
        if mentions and len(uses) == known:
            if isinstance(node, _USES):
                uses.append(_last_operand(node))
            elif isinstance(node, ast.withitem) and self._mentions(node.context_expr):
                uses.append(node.context_expr)
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension) and self._mentions(node.iter):
                uses.append(node.iter)
        return mentions or _key(node) in self._derived


def _silences(node: ast.With | ast.AsyncWith) -> bool:
    return any(isinstance(item.context_expr, ast.Call) and last_name(item.context_expr.func) == "suppress"
               for item in node.items)


def _question(node: ast.AST) -> ast.expr:
    """What a branch goes by."""
    for field in ("test", "iter", "subject"):
        if hasattr(node, field):
            return getattr(node, field)  # type: ignore[no-any-return]
    raise TypeError(node)


def _last_operand(node: ast.expr) -> ast.expr:
    """The operand that is evaluated last, so that one which fails by itself is not taken for the candidate's doing."""
    if isinstance(node, ast.Call):
        last = node.keywords[-1].value if node.keywords else node.args[-1] if node.args else node.func
        return last.value if isinstance(last, ast.Starred) else last
    if isinstance(node, ast.BinOp):
        return node.right
    if isinstance(node, ast.Compare):
        return node.comparators[-1]
    operand: ast.expr = node.operand if isinstance(node, ast.UnaryOp) else node.value  # type: ignore[attr-defined]
    return operand


# -- what is the candidate's --------------------------------------------------------------------------------


def _key(node: ast.AST) -> str:
    """Variables by name, attributes by name and a dot, whatever they are attributes of."""
    if isinstance(node, ast.Attribute):
        return f".{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _names(*nodes: ast.AST) -> set[str]:
    return {key for node in nodes for part in ast.walk(node) if (key := _key(part))}


def _derived(tree: ast.Module, candidate: Iterable[str]) -> set[str]:
    """The candidate's names, and all that may hold something of its making or be decided by that."""
    follows: dict[str, set[str]] = {}
    for sources, targets in _flows(tree):
        for source in sources:
            follows.setdefault(source, set()).update(targets)
    found, todo = set(candidate), list(candidate)
    while todo:
        fresh = follows.pop(todo.pop(), set()) - found
        found |= fresh
        todo += fresh
    return found


def _flows(tree: ast.Module) -> Iterable[tuple[set[str], set[str]]]:
    """(names that are read, names that therefore hold what those decide)."""
    calls: dict[str, set[str]] = {}
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield _names(node.value), _bound(*node.targets)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
            yield _names(node.value), _bound(node.target)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield _names(node.context_expr), _bound(node.optional_vars)
        elif isinstance(node, _BRANCHES):
            yield _names(_question(node)), _bound(node)
        elif isinstance(node, _TRIES) or (isinstance(node, _WITHS) and _silences(node)):
            yield _names(*node.body), _bound(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.append(node)
            yield _names(*node.body), {node.name, f".{node.name}"}
        elif isinstance(node, ast.ClassDef):
            yield _names(*node.bases), {node.name}
        elif isinstance(node, ast.Call):
            arguments = _names(*node.args, *(keyword.value for keyword in node.keywords))
            calls.setdefault(last_name(node.func), set()).update(arguments)
            if last_name(node.func) in _FILLS:
                yield arguments, _bound(node)
    for function in functions:
        about = function.args
        parameters = [*about.posonlyargs, *about.args, *about.kwonlyargs, about.vararg, about.kwarg]
        yield calls.get(function.name, set()), {p.arg for p in parameters if p is not None} - _OWN


def _bound(*nodes: ast.AST) -> set[str]:
    """What is bound or filled somewhere in the nodes, names and attributes."""
    return {binding(part) for node in nodes for part in ast.walk(node)} - {"", *_OWN}


def binding(node: ast.AST) -> str:
    """What the node itself binds or fills, or "": of `d[k] = v` and `d.update(v)` it is d."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return _key(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLS:
        return _key(node.func.value)
    if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
        return _key(node)
    if isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        return node.name or ""
    return ""
