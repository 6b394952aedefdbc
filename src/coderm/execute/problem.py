"""A problem as the engine works on it: its distinct texts, the names under test, and what came back so far."""

from __future__ import annotations

import builtins
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from coderm.errors import InputError

MAX_TEXT = 4 * 1024 * 1024

_BUILTINS = frozenset(dir(builtins))
_NAME = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.MULTILINE)


@dataclass
class Problem:
    """A problem on its way: distinct texts, what came back so far, and how many chunks are still out."""

    solutions: list[str]
    unit_tests: list[str]
    row_of: list[int]
    column_of: list[int]
    names: list[str]
    records: dict[int, bytes] = field(default_factory=dict)
    reasons: list[str | None] = field(default_factory=list)
    events: dict[int, bytes] = field(default_factory=dict)
    out: int = 0


def take_in(problem: tuple[Iterable[str], Iterable[str]]) -> Problem:
    """Check the texts of (solutions, unit tests) and fold duplicates. Raises InputError."""
    if isinstance(problem, str) or not isinstance(problem, Sequence) or len(problem) != 2:
        raise InputError(f"a problem to execute is a pair (solutions, unit tests), not {type(problem).__name__}")
    (solutions, row_of), (unit_tests, column_of) = (
        _distinct(listed(what, texts)) for what, texts in zip(("solutions", "unit_tests"), problem, strict=True))
    return Problem(solutions, unit_tests, row_of, column_of, names_of(solutions))


def listed(what: str, texts: Iterable[str]) -> list[str]:
    """The texts as a list. Raises InputError where they are none."""
    if isinstance(texts, str):
        raise InputError(f"{what} is one text; give a list of texts")
    if not isinstance(texts, Iterable):
        raise InputError(f"{what} must be a list of texts, not {type(texts).__name__}")
    kept = list(texts)
    for index, text in enumerate(kept):
        if not isinstance(text, str):
            raise InputError(f"{what}[{index}] must be text, not {type(text).__name__}")
    return kept


def names_of(solutions: Iterable[str]) -> list[str]:
    """What any of the candidates defines at module level.

    A builtin that few of them define (`input`, `len`) is not what is tested: it takes more than half as many as the
    name that most define.
    """
    count = Counter(name for text in set(solutions) for name in {a or b for a, b in _NAME.findall(text)})
    most = max(count.values(), default=0)
    return sorted(name for name, times in count.items() if 2 * times > most or name not in _BUILTINS)


def _distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The distinct texts, and which of them each is. What is too long to be executed stands as a text that does not
    compile: one such candidate of a stream costs itself, not the stream."""
    first: dict[str, int] = {}
    fit = (text if len(text) <= MAX_TEXT else f"{len(text)} characters, of {MAX_TEXT} at most" for text in texts)
    index = [first.setdefault(text, len(first)) for text in fit]
    return list(first), index
