"""Step 1, problem filtering: the teacher says which questions are hard to unit-test (Ma et al. 2025, §3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coderm.synthesize.asking import OnDemand, ask, in_parallel
from coderm.synthesize.pipeline import NO_REPLY, Item, Outcome
from coderm.synthesize.prompts import TESTABLE


class Testable:
    """Stage: drops what the teacher calls hard_to_test, what it does not decide (no_decision) or answer (no_reply)."""

    name, unit = "testable", "problem"

    def __init__(self, teacher: OnDemand) -> None:
        self.teacher = teacher

    def settings(self) -> Item:
        """The teacher and the prompt."""
        return {"teacher": self.teacher.spec, "prompt": TESTABLE.label}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        return in_parallel(self._judge, items, self.teacher)

    def _judge(self, item: Item) -> Outcome:
        replies = ask(self.teacher, TESTABLE.messages(question=item["question"]))
        if replies[0] is None:
            return Outcome(dropped=NO_REPLY, replies=replies)
        hard = decision(replies[0])
        return Outcome(dropped={True: "hard_to_test", False: None, None: "no_decision"}[hard], replies=replies)


def decision(reply: str) -> bool | None:
    """Whether the last line says YES (hard to test) or NO; None where it says neither.

    >>> decision("1. Randomness: none.\\n**NO**\\n"), decision("yes"), decision("I cannot help with that.")
    (False, True, None)
    """
    lines = reply.strip().splitlines() or [""]
    return {"YES": True, "NO": False}.get(lines[-1].strip(" *_`.:#\t").upper())
