"""What a unit test's text says about itself before it runs: does it compile, and can it prove anything?

A test that can prove nothing is vacuous, for every candidate alike, and the reason is kept. The rules look at
the syntax tree (`vacuity.py`); which global names the code reads and binds is taken from the bytecode, which is exact.
"""

from __future__ import annotations

import ast
import sys
import unittest
from types import CodeType
from typing import Any, NamedTuple

from .deciding import decisions
from .evaluates import evaluates
from .reach import Reach, all_code, reach
from .replacing import BUILTINS, bound_by, names_module, of_candidate, replaces
from .vacuity import is_constant, last_name, vacuous

MARK = "__coderm_asserted__"
"""Called by the compiled test just before an assertion, where it is not certain that one will run."""

WATCH = "__coderm_watch__"
"""Called by the compiled test with each of the solution's names that it reads and its value, where behaviour counts."""

_OF_TESTS = frozenset(dir(unittest.TestCase))
_LOOKS_UP = {"globals", "eval", "exec", "vars", "locals"}


class Study(NamedTuple):
    """A compiled test and what is known of it."""

    code: CodeType | None
    classes: tuple[str, ...] = ()
    reason: str | None = None
    """Why it does not vote; None where it may."""
    is_error: bool = False
    """True where the reason is an error of the test (test_error), not vacuity."""
    builtin_reads: frozenset[str] = frozenset()
    """Builtins that it reads and means, whatever a candidate calls by such a name."""
    reads: frozenset[str] = frozenset()
    opens: frozenset[str] = frozenset()
    """Names that it reads attributes of."""
    imports: frozenset[str] = frozenset()
    """Modules that it imports, anywhere, and the names that it imports from them, bare and behind the module's."""
    stores: tuple[tuple[str, str], ...] = ()
    """(module, attribute) of what it visibly stores on modules that it imports: `builtins.input = ...`."""
    must_prove: bool = False
    """True where a pass counts only if a test case has held: not under the paper's protocol."""
    marked: bool = False
    """True where MARK must have been called for a pass to count."""
    simple: bool = False
    """True where it has one class and that nothing but test methods and setUp: the quick runner may run it."""
    reach: Reach = Reach(False, True)
    may_skip: bool = False
    """True where it skips test cases itself, so that one that is skipped is not the candidate's doing."""
    watched: bool = False
    """True where it reads the solution's names through WATCH, for behaviour to be recorded."""
    whole: bool = False
    """True where it may use names of the solution without showing which: it has the module, or looks names up."""
    shows: frozenset[str] = frozenset()
    """Names by which it may know classes of the solution's: it reads them, or may from its module, and has them from
    nowhere else."""
    evaluates: bool = False
    """True where it may run text that the candidate supplies."""
    loads_code: bool = False
    """True where loading it does more than import known modules and define a class."""


def study(text: str, solution_names: frozenset[str], judge_vacuity: bool = True, behaviour: bool = False) -> Study:
    """Compile and judge one unit test.

    `solution_names` are the names that any candidate of the problem defines at module level. With
    `judge_vacuity` off only errors are found and every test runs (the paper's protocol). With `behaviour` the test
    takes the solution's functions from a witness.
    """
    try:
        tree = ast.parse(text, "<unit test>")
        _drop_main(tree)
        code = compile(tree, "<unit test>", "exec", dont_inherit=True)
    except RecursionError:
        return Study(None, reason="nested too deeply to compile", is_error=True)
    except Exception as error:  # SyntaxError, ValueError (NUL), UnicodeEncodeError (surrogates), MemoryError
        return Study(None, reason=f"does not compile: {type(error).__name__}: {str(error)[:200]}", is_error=True)
    try:
        found = _judge(tree, code, solution_names, judge_vacuity)
        return _watched(found, tree, solution_names) if behaviour and found.reason is None else found
    except RecursionError:
        return Study(None, reason="nested too deeply to judge", is_error=True)


def _judge(tree: ast.Module, code: CodeType, names: frozenset[str], judge_vacuity: bool) -> Study:
    classes = [node for node in _module_level(tree.body) if isinstance(node, ast.ClassDef)]
    nodes = list(ast.walk(tree))
    touched = reach(code, is_test=True)
    reads, binds, local = touched.reads, touched.binds, touched.local
    may_skip, builtin_reads = _may_skip(nodes, names), _builtin_reads(reads, binds, names)
    imports = _imports(nodes)
    whole = "solution" in imports or bool(reads & _LOOKS_UP) or names_module(nodes)
    mentioned = {name for part in all_code(code) for name in part.co_names}
    found = Study(
        code,
        classes=tuple(dict.fromkeys(node.name for node in classes)),
        builtin_reads=builtin_reads,
        reads=reads,
        opens=frozenset(node.value.id for node in nodes
                        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)),
        imports=imports,
        stores=_stores(nodes) if touched.marks else (),
        must_prove=judge_vacuity,
        whole=whole,
        shows=(reads | (mentioned - _OF_TESTS if whole else frozenset())) - _brought(nodes) - {c.name for c in classes},
        simple=len(classes) == 1 and _is_simple(classes[0]) and not may_skip and mentioned.isdisjoint(_FIXTURES),
        reach=touched,
        may_skip=may_skip,
        evaluates=evaluates(nodes, builtin_reads),
        loads_code=_loads_code(tree),
    )
    if not judge_vacuity:
        return found
    about = vacuous(tree, nodes, classes)
    reason = about.reason or replaces(tree, nodes, names, reads, binds, local)
    if reason is not None:
        return found._replace(reason=reason)
    if about.certain:
        return found
    decides = decisions(tree, about.failures, of_candidate(tree, names, reads, binds)) if about.failures else set()
    marked = ast.fix_missing_locations(_Marker(about.asserts, decides).visit(tree))
    return found._replace(code=compile(marked, "<unit test>", "exec", dont_inherit=True), marked=True)


def _builtin_reads(reads: frozenset[str], binds: frozenset[str], names: frozenset[str]) -> frozenset[str]:
    """A candidate's own `len` is not what a test means by it, unless only names of builtins are tested and it is one.

    Names that nobody's text shows a candidate may have all the same: the test reads them and binds them nowhere.
    """
    tested = frozenset() if (reads & names or reads - binds) - BUILTINS else names
    # not `__name__` and its like, which every module has of its own
    return frozenset(name for name in (reads & BUILTINS) - tested if not name.startswith("__"))


def _drop_main(tree: ast.Module) -> None:
    """Take out statements that run `unittest.main()` at import: the engine runs the tests, and that would exit."""
    nodes = _module_level(tree.body)
    modules: set[str] = set()
    mains: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            modules.update(alias.asname or alias.name for alias in node.names if alias.name == "unittest")
        elif isinstance(node, ast.ImportFrom) and node.module == "unittest":
            mains.update(alias.asname or alias.name for alias in node.names if alias.name == "main")
    if not modules | mains:
        return
    for node in nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if (isinstance(called, ast.Name) and called.id in mains) or (
                    isinstance(called, ast.Attribute) and called.attr == "main" and isinstance(called.value, ast.Name)
                    and called.value.id in modules):
                node.value = ast.copy_location(ast.Constant(None), node.value)


def _module_level(body: list[ast.stmt]) -> list[ast.stmt]:
    """Statements that run at import, those inside `if`, `try` and `with` included."""
    found = []
    for node in body:
        found.append(node)
        if isinstance(node, ast.If | ast.Try | ast.With):
            for field in ("body", "orelse", "finalbody"):
                found += _module_level(getattr(node, field, []))
    return found


def _may_skip(nodes: list[ast.AST], names: frozenset[str]) -> bool:
    """Whether the test names a way of unittest's to skip; those that a candidate has a name for are the candidate's."""
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in _SKIPS:
            return True
        if isinstance(node, ast.Name) and node.id in _SKIPS - names:
            return True
        if isinstance(node, ast.ImportFrom) and any(alias.name in _SKIPS - names for alias in node.names):
            return True
    return False


_SKIPS = frozenset({"skip", "skipIf", "skipUnless", "skipTest", "SkipTest", "expectedFailure"})
_FIXTURES = frozenset({"setUpModule", "tearDownModule", "addCleanup", "enterContext"})


def _is_simple(node: ast.ClassDef) -> bool:
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            if item.decorator_list and item.name.startswith("test"):
                return False
            if item.name in _TESTCASE_HOOKS:
                return False
        elif isinstance(item, ast.AsyncFunctionDef | ast.ClassDef):
            return False
    return (not node.decorator_list and not node.keywords and len(node.bases) == 1
            and last_name(node.bases[0]) == "TestCase")


_TESTCASE_HOOKS = {"run", "__call__", "__init__", "debug", "tearDown", "setUpClass", "tearDownClass", "id",
                   "defaultTestResult", "doCleanups", "_callTestMethod", "_callSetUp", "_callTearDown",
                   "countTestCases", "skipTest"}


def _loads_code(tree: ast.Module) -> bool:
    """Whether importing the test can fail: it calls or looks up something, or imports what is not loaded."""
    known = set(BUILTINS)  # names that are sure to be there
    for node in _module_level(tree.body):
        if isinstance(node, ast.Import):
            if any(alias.name not in sys.modules for alias in node.names):
                return True
            known.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = sys.modules.get(node.module or "")
            if module is None or node.level or not all(hasattr(module, a.name) or a.name == "*" for a in node.names):
                return True
            known.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.ClassDef):
            whole = all(ast.unparse(base) in ({*known, "unittest.TestCase"} if "unittest" in known else known)
                        for base in node.bases)
            if not whole or node.keywords or node.decorator_list or any(_evaluates(item, known) for item in node.body):
                return True
            known.add(node.name)
        elif _evaluates(node, known):
            return True
    return False


def _evaluates(node: ast.stmt, known: set[str]) -> bool:
    """Whether executing the statement does more than to bind constants and functions."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return not (isinstance(node, ast.Pass) or _is_constant_statement(node))
    about = node.args
    arguments = [*about.posonlyargs, *about.args, *about.kwonlyargs, about.vararg, about.kwarg]
    values = [*about.defaults, *about.kw_defaults, node.returns, *(a.annotation for a in arguments if a is not None)]
    return bool(node.decorator_list) or not all(
        value is None or is_constant(value) or (isinstance(value, ast.Name) and value.id in known) for value in values)


def _is_constant_statement(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign | ast.Expr | ast.AnnAssign) and (node.value is None or is_constant(node.value))


def _watched(found: Study, tree: ast.Module, names: frozenset[str]) -> Study:
    """The test with the solution's names that it reads, and nowhere binds, handed to a witness wherever it does."""
    free = found.reach.reads - found.reach.binds - found.reach.local
    tree = ast.fix_missing_locations(_Handing(free & names).visit(tree))
    return found._replace(code=compile(tree, "<unit test>", "exec", dont_inherit=True), watched=True)


class _Handing(ast.NodeTransformer):
    """Turns `f` into `WATCH("f", f)`: what is read is what the name means at that moment."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, ast.pattern) else super().visit(node)  # a pattern cannot call

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id not in self._names or not isinstance(node.ctx, ast.Load):
            return node
        watch = ast.Name(id=WATCH, ctx=ast.Load())
        return ast.copy_location(ast.Call(func=watch, args=[ast.Constant(node.id), node], keywords=[]), node)


class _Marker(ast.NodeTransformer):
    """Puts a call of MARK in front of every assertion: `x` becomes `MARK() or x`.

    What decides about one that fails wherever it is reached (`deciding.py`) calls it once it is evaluated.
    """

    def __init__(self, asserts: frozenset[int], decides: set[int]) -> None:
        self._asserts, self._decides = asserts, decides

    def visit(self, node: ast.AST) -> Any:
        seen = super().visit(node)
        if id(node) not in self._decides:
            return seen
        both = ast.Tuple(elts=[seen, self._call()], ctx=ast.Load())
        return ast.copy_location(ast.Subscript(value=both, slice=ast.Constant(0), ctx=ast.Load()), node)

    def _marked(self, node: ast.expr) -> ast.expr:
        return ast.copy_location(ast.BoolOp(op=ast.Or(), values=[self._call(), node]), node)

    @staticmethod
    def _call() -> ast.expr:
        return ast.Call(func=ast.Name(id=MARK, ctx=ast.Load()), args=[], keywords=[])

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.generic_visit(node)
        if id(node) in self._asserts:
            node.test = self._marked(node.test)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        return self._marked(node) if id(node) in self._asserts else node


def _imports(nodes: list[ast.AST]) -> frozenset[str]:
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.update(alias.name for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                module = node.module or ""
                found.update([module, *(f"{module}.{alias.name}" for alias in node.names)])
    return frozenset(found)


def _stores(nodes: list[ast.AST]) -> tuple[tuple[str, str], ...]:
    """(module, attribute) of every store on an attribute; where it is on no module the first is no module's name."""
    modules: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    stores = [(ast.unparse(node.value), node.attr) for node in nodes
              if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)]
    return tuple((modules.get(holder, holder), name) for holder, name in stores)


def _brought(nodes: list[ast.AST]) -> set[str]:
    """Names under which it imports what is not the solution's."""
    return {name for node in nodes if isinstance(node, ast.Import)
            or (isinstance(node, ast.ImportFrom) and node.module != "solution") for name in bound_by(node)}
