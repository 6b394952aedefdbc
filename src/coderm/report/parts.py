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
