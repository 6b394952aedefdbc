"""Judges answers and outputs as LiveCodeBench does.

Embedded in ground-truth tests like `coderm.problems.oracle`, with the same restrictions.
"""

from decimal import Decimal, InvalidOperation
from typing import Any


def wrong_answer(answer: Any, expected: Any) -> str | None:
    """What is wrong with what a function returned, or None; a tuple counts as the list it holds."""
    if isinstance(answer, tuple):
        answer = list(answer)
    return None if answer == expected else f"got {answer!r:.200}, expected {expected!r:.200}"


def wrong_output(written: str, expected: str) -> str | None:
    """What is wrong with what a program wrote, or None: lines must agree but for outer blanks, or number by number."""
    got, due = ([line.strip() for line in text.strip().split("\n")] for text in (written, expected))
    if len(got) != len(due):
        return f"{len(got)} lines where {len(due)} were due: got {written!r:.200}, expected {expected!r:.200}"
    for number, (ours, theirs) in enumerate(zip(got, due, strict=True), 1):
        if ours != theirs and (numbers(ours) is None or numbers(ours) != numbers(theirs)):
            return f"line {number}: got {ours!r:.200}, expected {theirs!r:.200}"
    return None


def numbers(line: str) -> list[Decimal] | None:
    """The numbers of a line, exactly, or None where it holds anything else."""
    try:
        return [Decimal(word) for word in line.split()]
    except InvalidOperation:
        return None
