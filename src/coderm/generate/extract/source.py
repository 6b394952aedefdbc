"""Python nobody has vetted: parsed within bounds, read for names, cut by statement. Nothing here runs it."""

from __future__ import annotations

import ast
import io
import math
import symtable
import textwrap
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

MAX_CODE = 50_000
"""Characters of one program. Longer text is not parsed: some of CPython's parsing is quadratic."""
MAX_STATEMENTS = 2_000
"""Module-level statements of one program."""
_MAX_CUTS = 40
"""Attempts at cutting a truncated program before it is given up."""

_REFUSALS = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True)
class Edit:
    """Replace the bytes from (line, column) to (line, column) of a program; lines from 1, as `ast` counts."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


@dataclass(frozen=True)
class Statement:
    """A module-level statement, the global names it reads (inside its functions too) and those it binds."""

    node: ast.stmt
    reads: frozenset[str]
    binds: frozenset[str]


@dataclass(frozen=True)
class Program:
    """A text that compiles, and its tree."""

    text: str
    tree: ast.Module

    @cached_property
    def statements(self) -> list[Statement]:
        """The module's statements in order."""
        lines = self.text.encode().split(b"\n")
        found = []
        for node in self.tree.body:
            (line, column), (end, end_column) = span(node)
            piece = lines[line - 1:end]
            piece[-1] = piece[-1][:end_column]
            piece[0] = piece[0][column:]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                table = symtable.symtable(b"\n".join(piece).decode(), "<reply>", "exec")
            reads, binds = set(), set()
            for scope in scopes(table):
                for symbol in scope.get_symbols():
                    if scope is table or symbol.is_global():
                        if symbol.is_referenced():
                            reads.add(symbol.get_name())
                        if symbol.is_assigned() or symbol.is_imported():
                            binds.add(symbol.get_name())
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                reads |= {part.target.id for part in ast.walk(node)
                          if isinstance(part, ast.AugAssign) and isinstance(part.target, ast.Name)}
            found.append(Statement(node, frozenset(reads), frozenset(binds)))
        return found

    @cached_property
    def reads(self) -> frozenset[str]:
        """Global names that the program reads anywhere."""
        return frozenset().union(*(s.reads for s in self.statements))

    @cached_property
    def binds(self) -> frozenset[str]:
        """Global names that the program binds."""
        return frozenset().union(*(s.binds for s in self.statements))

    def edited(self, edits: Iterable[Edit]) -> Program | None:
        """The program after edits that do not overlap; None where it no longer compiles."""
        return parse("\n".join(self._edited_lines(edits)))

    def without(self, nodes: Iterable[ast.stmt]) -> Program | None:
        """The program without some of its module-level statements, and without the comments right above them."""
        drop = {id(node) for node in nodes}
        if not drop:
            return self
        source = self.text.encode().split(b"\n")
        edits: list[Edit] = []
        gone: set[int] = set()
        floor = 0
        for node in self.tree.body:
            (line, column), (end, end_column) = span(node)
            if id(node) in drop:
                before, after = source[line - 1][:column].strip(), source[end - 1][end_column:].strip()
                if before or (after and not after.startswith(b"#")):
                    edits.append(Edit((line, column), (end, end_column), "pass"))
                else:
                    while line - 1 > floor and (source[line - 2].startswith(b"#") or not source[line - 2].strip()):
                        line -= 1
                    gone |= set(range(line - 1, end))
            floor = end
        lines = self._edited_lines(edits)
        return parse("\n".join(line for i, line in enumerate(lines) if i not in gone).strip("\n"))

    def _edited_lines(self, edits: Iterable[Edit]) -> list[str]:
        lines = self.text.encode().split(b"\n")
        for edit in sorted(edits, key=lambda e: e.start, reverse=True):
            (line, column), (end, end_column) = edit.start, edit.end
            lines[line - 1:end] = [lines[line - 1][:column] + edit.text.encode() + lines[end - 1][end_column:]]
        return b"\n".join(lines).decode().split("\n")


def newlines(text: str) -> str:
    """The text with newlines for every kind of line break that the compiler knows."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str) -> Program | None:
    """The program, where the text is one that compiles and is within bounds; None otherwise. Never raises.

    Every kind of line break becomes a newline, as the compiler has it: places in the tree count such lines.
    """
    text = newlines(text)
    if len(text) > MAX_CODE:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
            if len(tree.body) > MAX_STATEMENTS:
                return None
            compile(text, "<reply>", "exec", dont_inherit=True)
        program = Program(text, tree)
        program.statements  # noqa: B018  symtable refuses what is nested too deeply for the code below
    except _REFUSALS:
        return None
    return program


def parse_block(text: str) -> Program | None:
    """Like `parse`, for a block that may be indented as a whole."""
    return parse(text) or (parse(textwrap.dedent(text)) if text.lstrip("\n")[:1].isspace() else None)


def parse_cut(text: str, *, whole_statements: bool) -> Program | None:
    """What stands complete of a program that breaks off or goes wrong; None where that is nothing.

    The text is cut after the last complete logical line before the error. With `whole_statements` a module-level
    statement that was under way at the cut goes too: half a function is not the function.
    """
    if len(text) > MAX_CODE:
        return None
    lines = text.split("\n")
    error_line = _error_line(text)
    ends = [end for end in _logical_line_ends(text) if end < error_line]
    for end in reversed(ends[-_MAX_CUTS:]):
        program = parse("\n".join(lines[:end]))
        if program is not None:
            rest = next((line for line in lines[end:] if line.strip()), "")
            if whole_statements and rest[:1].isspace() and program.tree.body:
                start = span(program.tree.body[-1])[0][0]
                return parse("\n".join(lines[:start - 1])) if start > 1 else None
            return program
    return None


def targets(program: Program, entry_point: str) -> frozenset[str]:
    """The names under which a module offers the entry point: its own, and those of classes that have it as a method.

    >>> sorted(targets(parse("class Solution:\\n    def add(self, a, b): return a + b"), "add"))
    ['Solution', 'add']
    """
    *owner, name = entry_point.split(".")
    return frozenset([*owner[:1], name, *(
        node.name for node in program.tree.body if isinstance(node, ast.ClassDef) and any(
            isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and part.name == name for part in node.body))])


def breaks_off(program: Program) -> bool:
    """Whether the last thing in a program may be half a function: a definition that ends in no return or raise."""
    node = program.tree.body[-1] if program.tree.body else None
    while isinstance(node, ast.ClassDef):
        node = node.body[-1]
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not isinstance(
        node.body[-1], ast.Return | ast.Raise)


def span(node: ast.stmt) -> tuple[tuple[int, int], tuple[int, int]]:
    """Start and end of a statement, decorators included, as (line from 1, column in bytes)."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    line = min([node.lineno, *(d.lineno for d in decorators)])
    assert node.end_lineno is not None and node.end_col_offset is not None
    return (line, node.col_offset), (node.end_lineno, node.end_col_offset)


def scopes(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    """A symbol table and all tables inside it."""
    todo = [table]
    while todo:
        table = todo.pop()
        yield table
        todo.extend(table.get_children())


def is_main_guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == ...:`."""
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test))


def root_name(node: ast.expr) -> str:
    """The name that an attribute, call or subscript chain starts from; "" where there is none."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def dotted_name(node: ast.expr) -> str:
    """`a.b.c` as text; "" for any other expression."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _error_line(text: str) -> float:
    """The line on which a text goes wrong; 0 where what is wrong is no matter of one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<reply>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or math.inf
    except _REFUSALS:
        pass
    return 0


def _logical_line_ends(text: str) -> list[int]:
    """The numbers of the lines on which a complete logical line ends."""
    ends = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NEWLINE:
                ends.append(token.end[0])
    except (tokenize.TokenError, *_REFUSALS):
        pass
    return ends
