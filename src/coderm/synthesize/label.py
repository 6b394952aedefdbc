"""Step 4, labelling: every unit test runs on the reference solution; one that passes is correct."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coderm.errors import EngineError
from coderm.execute import Engine
from coderm.records import Verdict
from coderm.synthesize.pipeline import Item, Outcome

REPAIRABLE = Verdict.FAIL.word
"""A failed assertion may be a wrong expected value; a test that breaks in another way is dropped."""


class Label:
    """Stage: adds a verdict to every test. Drops, named by their verdict, all but those that pass or fail."""

    name, unit = "label", "test"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def settings(self) -> Item:
        """The time limit of one pair."""
        return {"time_limit": self.engine.time_limit}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        items = list(items)
        matrices = self.engine.execute_many(([i["solution"]], [t["text"] for t in i["tests"]]) for i in items)
        for item, matrix in zip(items, matrices, strict=True):
            words = matrix.verdicts[0].tolist()
            if Verdict.NOT_RUN.word in words:
                raise EngineError(f"{item['task_id']}: unit tests could not be run on the reference solution")
            tests = [test | {"verdict": word} for test, word in zip(item["tests"], words, strict=True)]
            left = [test for test in tests if test["verdict"] in (Verdict.PASS.word, REPAIRABLE)]
            yield Outcome({"tests": left}, rejected=[t | {"reason": t["verdict"]} for t in tests if t not in left])
