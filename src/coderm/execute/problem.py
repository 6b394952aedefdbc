"""A problem as the engine works on it: its distinct texts, the names under test, and what came back so far."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from coderm.errors import InputError

MAX_TEXT = 4 * 1024 * 1024

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


def take_in(solutions: Sequence[str], unit_tests: Sequence[str]) -> Problem:
    """Check the texts and fold duplicates. Raises InputError."""
    for what, texts in (("solutions", solutions), ("unit_tests", unit_tests)):
        if isinstance(texts, str):
            raise InputError(f"{what} is one text; give a list of texts")
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"{what}[{index}] must be text, not {type(text).__name__}")
            if len(text) > MAX_TEXT:
                raise InputError(f"{what}[{index}] is {len(text)} characters long; the limit is {MAX_TEXT}")
    distinct_solutions, row_of = _distinct(solutions)
    distinct_tests, column_of = _distinct(unit_tests)
    return Problem(distinct_solutions, distinct_tests, row_of, column_of, names_of(distinct_solutions))


def names_of(solutions: Iterable[str]) -> list[str]:
    """What any of the candidates defines at module level."""
    return sorted({a or b for text in solutions for a, b in _NAME.findall(text)})


def _distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    first: dict[str, int] = {}
    index = [first.setdefault(text, len(first)) for text in texts]
    return list(first), index
