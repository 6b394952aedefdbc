"""Whether a test may run text that the candidate supplies: `eval(f(x))`, the examples in a docstring, a pickle.

Such text runs beside the test, with all that the test can reach. So no candidate shares a process with others there,
and split mode gives each of these pairs a judge of its own and takes its word as the candidate's. By name, as far as
the text of the test shows them: a test is no adversary.
"""

from __future__ import annotations

import ast

from .vacuity import is_constant, last_name

_BUILTINS = frozenset({"eval", "exec", "compile"})
_MODULES = frozenset("doctest pickle _pickle dill cloudpickle joblib jsonpickle marshal shelve runpy code codeop "
                     "timeit".split())
_NAMES = frozenset("get_type_hints make_dataclass ForwardRef unsafe_load full_load sympify parse_expr".split())
_KEYWORDS = frozenset({"eval_str", "allow_pickle"})
_HOLDERS = frozenset({"builtins", "__builtins__", "pd", "pandas"})  # whose `eval` is no method of the candidate's


def evaluates(nodes: list[ast.AST], builtin_reads: frozenset[str]) -> bool:
    """Whether the test, all of whose tree are `nodes`, names anything that runs text. `builtin_reads` are the builtins
    that it means."""
    own_text = {node.func for node in nodes if isinstance(node, ast.Call) and node.args and is_constant(node.args[0])}
    return any(_runs_text(node, builtin_reads) for node in nodes if node not in own_text)


def _runs_text(node: ast.AST, builtin_reads: frozenset[str]) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name in _MODULES for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        return node.module in _MODULES or any(alias.name in _NAMES for alias in node.names)
    if isinstance(node, ast.Name):
        return node.id in _NAMES or node.id in _BUILTINS & builtin_reads
    if isinstance(node, ast.Attribute):
        holder = last_name(node.value)
        return (node.attr in _NAMES or (node.attr in _BUILTINS and holder in _HOLDERS)
                or (node.attr in ("load", "load_all") and holder == "yaml"))
    return isinstance(node, ast.keyword) and node.arg in _KEYWORDS
