"""The pieces a report is made of: a section holds words, charts and the numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Chart:
    """A picture and what it is called."""

    title: str
    svg: str


@dataclass(frozen=True)
class Section:
    """A heading with words, charts and the numbers behind them; the first row of the table is its head."""

    title: str
    paragraphs: Sequence[str]
    charts: Sequence[Chart] = ()
    table: Sequence[Sequence[str]] = ()
    table_name: str = "The numbers"
    words: bool = False
    """Whether the last column holds prose."""


def plural(number: float, noun: str) -> str:
    """A number with its noun.

    >>> plural(1, "vote"), plural(2.0, "vote"), plural(1500, "vote")
    ('1 vote', '2 votes', '1,500 votes')
    """
    return f"{number:,.10g} {noun}" + ("" if number == 1 else "s")
