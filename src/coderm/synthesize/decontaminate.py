"""Keeps training problems apart from the evaluation benchmarks: shared word n-grams and shared entry names.

A question is contaminated if its original or rewritten wording shares N_GRAM words in a row with a benchmark
problem's prompt (or holds the whole of a shorter one), or if its function has the name of a benchmark's function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from coderm.records import Problem
from coderm.synthesize.pipeline import Item, Outcome

N_GRAM = 10
"""Words in a row that two questions share by copying rather than by chance (ours; 8 to 13 are in use)."""
COMMON_NAMES = {"main", "solve", "solution"}
"""Names that say nothing about a problem."""


class Decontaminate:
    """Stage: drops same_wording and same_function; the row says which benchmark problem it collides with."""

    name, unit = "decontaminate", "problem"

    def __init__(self, benchmarks: list[Problem]) -> None:
        self.grams: dict[tuple[str, ...], str] = {}
        self.functions = {p.entry_point: p.task_id for p in benchmarks if p.entry_point}
        for problem in benchmarks:
            words = _words(problem.prompt)
            for gram in _grams(words, min(N_GRAM, len(words))):
                self.grams.setdefault(gram, problem.task_id)
        self.lengths = sorted({len(gram) for gram in self.grams})

    def settings(self) -> Item:
        """The benchmarks' problems and the length."""
        return {"n_gram": N_GRAM, "benchmarks": sorted({*self.grams.values(), *self.functions.values()})}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        for item in items:
            name = item["entry_point"]
            if name in self.functions and name not in COMMON_NAMES:
                yield Outcome({"collides_with": self.functions[name]}, dropped="same_function")
            elif hit := self._wording(item["question"]) or self._wording(item["original_question"]):
                yield Outcome({"collides_with": hit}, dropped="same_wording")
            else:
                yield Outcome()

    def _wording(self, text: str) -> str | None:
        words = _words(text)
        return next((self.grams[gram] for n in self.lengths for gram in _grams(words, n) if gram in self.grams), None)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _grams(words: list[str], n: int) -> Iterator[tuple[str, ...]]:
    return (tuple(words[i:i + n]) for i in range(len(words) - n + 1)) if n else iter(())
