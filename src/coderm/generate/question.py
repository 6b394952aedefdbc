"""What a user asks, as a Problem and the examples it brings: prose, a stub with its docstring, or a file with asserts.

Examples (doctest lines, `assert f(x) == y`) are trusted: each becomes a unit test that a right solution must pass.
The text is parsed, never executed here.
"""

from __future__ import annotations

import ast
import doctest
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import indent

from coderm.errors import InputError
from coderm.problems.texts import case_class, parse, statements
from coderm.records import Problem

_NAMED = re.compile(r"def\s+(\w+)\s*\(|(?:function|method|named|called)\s+`?(\w+)`?\s*\(|`(\w+)(?:\(|`)"
                    r"|(?:named|called)\s+(\w+)")
_PROGRAM = re.compile(r"\bstdin\b|standard input", re.IGNORECASE)
FALLBACK_NAME = "solution"
"""What the function is to be called where the problem does not say: candidates and tests must agree on one name."""
_LONGEST_ASSERT = 20  # lines
_FENCE = re.compile(r"^\s*(```|~~~).*$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    """A user's problem: what the models are shown, and the unit tests that its examples make."""

    problem: Problem
    examples: tuple[str, ...]


def read_question(text: str, task_id: str = "problem") -> Question:
    """Understand a user's problem text; one without any hint of a name gets a line that gives it. Raises InputError
    for an empty text, and for what is none."""
    if not isinstance(text, str):
        raise InputError(f"the problem must be a text, not {type(text).__name__}")
    if not text.strip():
        raise InputError("the problem is empty")
    text = text.strip() + "\n"
    tree = _parse(text)
    if tree is not None:
        asserts = [node for node in tree.body if isinstance(node, ast.Assert)]
        documents = [written for node in ast.walk(tree) if (written := _document(node))]
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    else:
        asserts, documents, imports = [], [text], []
    asserts += [node for document in documents for node in _assert_lines(document)]
    sessions = [session for document in documents for session in _session(document)]
    name = _entry_point(text, tree, [*asserts, *(check for _, check, _ in sessions)])
    if name is None and _PROGRAM.search(text):
        return Question(Problem(task_id, text, kind="stdin"), ())
    prompt = text
    if tree is None:
        named = "" if name else f"\nCall the function `{FALLBACK_NAME}`.\n"
        prompt = f'"""\n{text}{named}"""\n'
    name = name or FALLBACK_NAME
    bodies = [statements([*imports, *_modules(node), node]) for node in asserts if _calls(node, name)]
    for setup, check, want in sessions:
        if any(_calls(node, name) for node in [*setup, check]):
            before = statements([*imports, *_modules(check), *setup])
            bodies.append(f"{before}\n{_expectation(check, want)}".strip())
    tests = dict.fromkeys(case_class("Example", [("test_example", body)]) for body in bodies)
    return Question(Problem(task_id, prompt, name), tuple(tests))


def _parse(text: str) -> ast.Module | None:
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    # A one-word problem is a name to Python; a text is code only where it defines or asserts something.
    return tree if any(isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assert) for node in tree.body) else None


def _document(node: ast.AST) -> str | None:
    return ast.get_docstring(node) if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) else None


def _assert_lines(document: str) -> Iterator[ast.Assert]:
    """The asserts that stand in prose: from the start of a line on, or between backticks."""
    lines = re.sub(r"`(assert [^`]+)`", r"\n\1\n", document).splitlines()
    for start, line in enumerate(lines):
        if line.lstrip().startswith("assert "):
            for end in range(start + 1, min(start + _LONGEST_ASSERT, len(lines)) + 1):
                tree = _parse("\n".join(lines[start:end]).strip())
                if tree is not None:
                    yield from (node for node in tree.body if isinstance(node, ast.Assert))
                    break


def _session(document: str) -> Iterator[tuple[list[ast.stmt], ast.stmt, str]]:
    """(statements before it, the statement, what it prints) for every doctest example that shows a result.

    Left out is what an exact comparison would get wrong: a result with `...` in it.
    """
    try:
        examples = doctest.DocTestParser().get_examples(_FENCE.sub("", document))
    except ValueError:  # prose with a stray prompt in it
        return
    setup: list[ast.stmt] = []
    for example in examples:
        try:
            nodes = parse(example.source).body
        except SyntaxError:
            continue
        if example.exc_msg is not None:
            yield [*setup], nodes[-1], f"raises {example.exc_msg.split(':')[0].strip()}"
        elif want := example.want.replace("<BLANKLINE>", "").strip():
            if not _has_gap(want):
                yield [*setup, *nodes[:-1]], nodes[-1], want
        else:
            setup += nodes


def _has_gap(want: str) -> bool:
    """Whether `...` stands for something that was left out, as far as it is not within a string."""
    try:
        tree = ast.parse(want, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return "..." in want
    return any(isinstance(node, ast.Constant) and node.value is ... for node in ast.walk(tree))


def _expectation(check: ast.stmt, want: str) -> str:
    """The assertion that a doctest example makes: values are compared as values, what is no literal by its repr, and
    what a statement or a call of print prints as text."""
    code = ast.unparse(check)
    if want.startswith("raises "):
        return f"with self.assertRaises({want.removeprefix('raises ').rsplit('.', 1)[-1]}):\n    {code}"
    call = check.value if isinstance(check, ast.Expr) else None
    if call is None or (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print"):
        return ("import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()) as printed:\n"
                f"{indent(code, '    ')}\nself.assertEqual(printed.getvalue().strip(), {want!r})")
    try:
        ast.literal_eval(want)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return f"self.assertEqual(repr({code}), {want!r})"
    return f"self.assertEqual({code}, {ast.unparse(ast.parse(want, mode='eval'))})"


def _entry_point(text: str, tree: ast.Module | None, checks: list[ast.stmt]) -> str | None:
    """The function that is asked for: the last one that is only declared, else what the examples call most, else
    the first that the prose names."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)] if tree else []
    declared = [node.name for node in functions if _is_stub(node)]
    if declared:
        return declared[-1]
    calls = Counter(name for node in checks for name in _called(node))
    for name, _ in calls.most_common():
        if name not in _BUILTIN and name not in {node.name for node in functions}:
            return name
    if functions:
        return functions[-1].name
    match = _NAMED.search(text)
    return next(filter(None, match.groups())) if match else None


def _is_stub(function: ast.FunctionDef) -> bool:
    """Whether the body does nothing: a docstring, `pass`, `...` or `raise NotImplementedError`."""
    return all(
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Raise) and "NotImplemented" in ast.unparse(node))
        for node in function.body
    )


def _called(node: ast.AST) -> set[str]:
    return {call.func.id for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)}


def _modules(node: ast.AST) -> list[ast.stmt]:
    """Imports of the standard library's modules that an example uses as the problem's author took for granted."""
    used = {inner.value.id for inner in ast.walk(node)
            if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name)}
    return [ast.Import([ast.alias(name)]) for name in sorted(used & sys.stdlib_module_names)]


def _calls(node: ast.AST, name: str) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(node))


_BUILTIN = frozenset(dir(__import__("builtins")))
