"""Step 7a, selection: which tests of a problem become training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coderm.synthesize import syntax
from coderm.synthesize.pipeline import Item, Outcome


class Select:
    """Stage: keeps the best `keep` tests of a problem.

    Drops: duplicate (the same code as an earlier test of the problem), and, unless quality control is off,
    accepts_wrong (more than `max_false_acceptance` of the wrong solutions), rejects_right (more than
    `max_false_rejection` of the right ones); then surplus. A rate that could not be measured rejects nothing.
    """

    name, unit = "select", "test"

    def __init__(self, keep: int, quality_control: bool, max_false_acceptance: float,
                 max_false_rejection: float) -> None:
        self.keep, self.quality_control = keep, quality_control
        self.max_false_acceptance, self.max_false_rejection = max_false_acceptance, max_false_rejection

    def settings(self) -> Item:
        """Everything it was given."""
        return dict(vars(self))

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        return map(self._select, items)

    def _select(self, item: Item) -> Outcome:
        seen: set[str] = set()
        usable, rejected = [], []
        for test in item["tests"]:
            key = syntax.fingerprint(test["text"])
            reason = "duplicate" if key in seen else self._fault(test)
            seen.add(key)
            if reason:
                rejected.append(test | {"reason": reason})
            else:
                usable.append(test)
        if self.quality_control:
            usable.sort(key=lambda test: (test["false_acceptance"] or 0.0, test["false_rejection"] or 0.0))
        rejected += [test | {"reason": "surplus"} for test in usable[self.keep:]]
        return Outcome({"tests": usable[:self.keep]}, rejected=rejected)

    def _fault(self, test: Item) -> str | None:
        if not self.quality_control:
            return None
        if (test["false_acceptance"] or 0.0) > self.max_false_acceptance:
            return "accepts_wrong"
        return "rejects_right" if (test["false_rejection"] or 0.0) > self.max_false_rejection else None
