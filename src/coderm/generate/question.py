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
from coderm.generate.prompts import is_class
from coderm.problems.texts import case_class, parse, statements
from coderm.records import Problem

_NAMED = re.compile(r"def\s+(\w+)\s*\(|(?:function|method|named|called)\s+`?(\w+)`?\s*\(|`(\w+)(?:\(|`)"
                    r"|(?:named|called)\s+(\w+)"
                    r"|\b(?:[Ww]rite|[Ii]mplement|[Dd]efine|[Cc]reate|[Cc]omplete|[Cc]ode|[Nn]eed)\s+(?:an?\s+|the\s+)?"
                    r"(?!O\()([^\W\d]\w*)\((?!e?s\))")
_NAMED_CLASS = re.compile(r"\bclass\s+(?:`(\w+)|([A-Z]\w*)|(\w+)\()|`(\w+)`\s+class\b"
                          r"|\b(?:an?|the)\s+(?!Python)([A-Z]\w*)\s+class\b"
                          r"|(?<!method )(?<!methods )\b(?:named|called)\s+`?(\w+)")
_A_CLASS = re.compile(r"(?i:\b(?:write|implement|define|create|design|build|make|code|need)\s+(?:\w+\s+){0,3}?class"
                      r"(?=\s*(?:$|[.,:;(`]|(?:that|which|with|for|to|in|whose|named|called|representing)\b)))"
                      r"|\bclass\s+(?:`|[A-Z]|\w+\()|`\s+class\b|\b(?:an?|the)\s+(?!Python)[A-Z]\w*\s+class\b")
_FUNCTION = re.compile(r"\bfunction\b", re.IGNORECASE)
_PROGRAM = re.compile(r"\bstdin\b|standard input", re.IGNORECASE)
FALLBACK_NAME, FALLBACK_CLASS = "solution", "Solution"
"""What the function or class is to be called where the problem does not say: candidates and tests must agree."""
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
    try:
        text.encode()
    except UnicodeEncodeError:  # an argument or a pipe that was not, as Python reads it
        raise InputError("the problem is not a text in UTF-8; convert it") from None
    text = text.strip() + "\n"
    tree = _parse(text)
    if tree is not None:
        asserts = list(_asserts(tree))
        documents = [written for node in ast.walk(tree) if (written := _document(node))]
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    else:
        asserts, documents, imports = [], [text], []
    asserts += [([], node) for document in documents for node in _assert_lines(document)]
    sessions = [session for document in documents for session in _session(document)]
    checks = [*asserts, *((setup, check) for setup, check, _ in sessions)]
    name = _entry_point(text, tree, [check for _, check in checks], [node for setup, _ in checks for node in setup])
    if name is None and _PROGRAM.search(text):
        return Question(Problem(task_id, text, kind="stdin"), ())
    prompt = text
    if tree is None:
        prompt = f'"""\n{text}"""\n'
        wants_class = _asks_for_a_class(text)
        if name is None or (wants_class and not is_class(Problem(task_id, prompt, name))):
            name = name or (FALLBACK_CLASS if wants_class else FALLBACK_NAME)
            prompt = f'"""\n{text}\nCall the {"class" if wants_class else "function"} `{name}`.\n"""\n'
    name = name or FALLBACK_NAME
    bodies = [statements([*imports, *_modules(node), *setup, node]) for setup, node in asserts
              if any(_calls(part, name) for part in [*setup, node])]
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


def _asserts(tree: ast.Module) -> Iterator[tuple[list[ast.stmt], ast.stmt]]:
    """The asserts of a file, each with the statements before it that made and changed the values it speaks of."""
    setup: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Assert):
            yield [*setup] if _uses(node, setup) else [], node
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) or _uses(node, setup):
            setup.append(node)


def _uses(node: ast.stmt, setup: list[ast.stmt]) -> bool:
    """Whether a statement, no definition, reads a name that the ones before it bind."""
    bound = {inner.id for part in setup for inner in ast.walk(part)
             if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store)}
    return not isinstance(node, ast.FunctionDef | ast.ClassDef) and any(
        isinstance(inner, ast.Name) and inner.id in bound for inner in ast.walk(node))


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

    Among the statements before it are earlier examples that use a value made before: they may have changed it. Left
    out is what an exact comparison would get wrong: a result with `...` in it.
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
            setup += nodes if any(_uses(node, setup) for node in nodes) else []
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


def _entry_point(text: str, tree: ast.Module | None, checks: list[ast.stmt], setups: list[ast.stmt]) -> str | None:
    """The function or class that is asked for: the last one that is only declared, else what the examples call most,
    or what is called before them, else the first that the prose names."""
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)] if tree else []
    declared = [node.name for node in defined if _is_declared(node)]
    if declared:
        return declared[-1]
    for nodes in (checks, setups):
        for name, _ in Counter(name for node in nodes for name in _called(node)).most_common():
            if name not in _BUILTIN and name not in {node.name for node in defined}:
                return name
    if defined:
        functions = [node for node in defined if isinstance(node, ast.FunctionDef)]
        return (functions or defined)[-1].name
    match = (_NAMED_CLASS if _asks_for_a_class(text) else _NAMED).search(text)
    return next(filter(None, match.groups())) if match else None


def _asks_for_a_class(prose: str) -> bool:
    """Whether a class is what the prose speaks of first, rather than a function."""
    asked = _A_CLASS.search(prose)
    others = [match.end() for pattern in (_NAMED, _FUNCTION) if (match := pattern.search(prose))]
    return asked is not None and all(asked.start() < end for end in others)


def _is_declared(node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a function is a stub, or a class has a method that is one."""
    functions = [node] if isinstance(node, ast.FunctionDef) else [
        part for part in node.body if isinstance(part, ast.FunctionDef)]
    return any(_is_stub(function) for function in functions)


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
