"""Step 6a: a weaker model's solutions, on which the unit tests are measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coderm.generate.extract import extract_solution
from coderm.generate.models import Sampling
from coderm.synthesize.asking import OnDemand, ask, in_parallel
from coderm.synthesize.pipeline import NO_REPLY, Item, Outcome
from coderm.synthesize.prompts import WEAK_SOLUTION


class WeakSolutions:
    """Stage: adds solutions, a list of {"sample", "text"}; a problem that has no test left gets none.

    Drops: no_reply and the extraction's reasons.
    """

    name, unit = "weak", "solution"

    def __init__(self, model: OnDemand, per_problem: int) -> None:
        self.model, self.per_problem = model, per_problem

    def settings(self) -> Item:
        """The model, the prompt and how many."""
        return {"model": self.model.spec, "prompt": WEAK_SOLUTION.label, "per_problem": self.per_problem}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        return in_parallel(self._sample, items, self.model)

    def _sample(self, item: Item) -> Outcome:
        if not item["tests"]:
            return Outcome({"solutions": []})
        messages = WEAK_SOLUTION.messages(question=item["question"], declaration=item["declaration"])
        replies = ask(self.model, messages, self.per_problem, Sampling())
        solutions, rejected = [], []
        for number, reply in enumerate(replies):
            found = extract_solution(reply or "", entry_point=item["entry_point"])
            if found.text is None:
                rejected.append({"sample": number, "reason": NO_REPLY if reply is None else found.reason})
            else:
                solutions.append({"sample": number, "text": found.text})
        return Outcome({"solutions": solutions}, rejected=rejected, replies=replies)
