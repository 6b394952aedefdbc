"""Step 3, unit test generation: repeated sampling from (question, reference solution), and what is usable of it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from coderm.generate.extract import extract_unit_test
from coderm.generate.models import Sampling
from coderm.synthesize import syntax
from coderm.synthesize.asking import OnDemand, ask, in_parallel
from coderm.synthesize.pipeline import NO_REPLY, Item, Outcome
from coderm.synthesize.prompts import UNIT_TESTS

PURE_MODULES = {
    "unittest", "typing", "math", "cmath", "collections", "itertools", "functools", "operator", "re", "string", "copy",
    "decimal", "fractions", "datetime", "calendar", "heapq", "bisect", "statistics", "numbers", "dataclasses", "enum",
    "json", "textwrap", "numpy",
}
"""What a unit test may import besides what its reference solution does (ours)."""


class SampleTests:
    """Stage: adds tests, a list of {"sample", "text"}.

    Drops: no_reply, the extraction's reasons (refusals and prose are no_code, one that replaces what it tests is
    shadows), several_classes, and imports_the_world (a module that is neither pure nor used by the solution).
    """

    name, unit = "sample", "test"

    def __init__(self, teacher: OnDemand, per_problem: int) -> None:
        self.teacher, self.per_problem = teacher, per_problem

    def settings(self) -> Item:
        """The teacher, the prompt and how many."""
        return {"teacher": self.teacher.spec, "prompt": UNIT_TESTS.label, "per_problem": self.per_problem}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        return in_parallel(self._sample, items, self.teacher)

    def _sample(self, item: Item) -> Outcome:
        messages = UNIT_TESTS.messages(question=item["question"], solution=item["solution"].strip("\n"))
        replies = ask(self.teacher, messages, self.per_problem, Sampling())
        tests, rejected = [], []
        for number, reply in enumerate(replies):
            text, reason = usable_test(reply, item)
            if text is None:
                rejected.append({"sample": number, "reason": reason})
            else:
                tests.append({"sample": number, "text": text})
        return Outcome({"tests": tests}, rejected=rejected, replies=replies)


def usable_test(reply: str | None, item: Item) -> tuple[str | None, str | None]:
    """The unit test in a reply, or None and the reason why there is none."""
    if reply is None:
        return None, NO_REPLY
    found = extract_unit_test(reply, entry_point=item["entry_point"])
    if found.text is None:
        return None, found.reason
    tree, solution = syntax.parse(found.text), syntax.parse(item["solution"])
    if tree is None or solution is None:
        return None, "syntax"
    if sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree)) > 1:
        return None, "several_classes"
    if syntax.imported(tree) - PURE_MODULES - syntax.imported(solution):
        return None, "imports_the_world"
    return found.text, None
