"""Step 6b, quality control: how often a test accepts wrong weak solutions and rejects right ones.

A weak solution is right if it passes the source's ground truth or, where there is none, all collected correct tests
of its problem (Ma et al. 2025, §3.1). The second reading is circular: no test can then reject a right solution, and
one that asks for too much makes solutions wrong which are not; the row says which was used.

With "accepted" as the positive class, per test:

    false_acceptance   FP / (FP + TN)   share of the wrong solutions that it accepts
    false_rejection    FN / (FN + TP)   share of the right solutions that it rejects
    FAR                FP / (FP + TP)   as printed in Ma et al. 2025, appendix D: share of the accepted that are wrong
    FRR                FN / (FN + TN)   likewise: share of the rejected that are right

None where the denominator is zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from coderm.execute import Engine
from coderm.reward.measures import Confusion
from coderm.synthesize.pipeline import Item, Outcome


class Quality:
    """Stage: adds the four rates to every test, `correct` to every weak solution, `judged_by` to the problem.

    Drops nothing; what the rates mean for a test is the selection's business.
    """

    name, unit = "quality", "test"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def settings(self) -> Item:
        """The time limit of one pair."""
        return {"time_limit": self.engine.time_limit}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        items = list(items)
        matrices = self.engine.execute_many(
            ([s["text"] for s in i["solutions"]], [t["text"] for t in i["tests"]] + i["ground_truth"]) for i in items)
        for item, matrix in zip(items, matrices, strict=True):
            count = len(item["tests"])
            passed, ran = matrix.passed, np.all(matrix.ran, axis=1)
            correct = np.all(passed[:, count:] if item["ground_truth"] else passed[:, :count], axis=1)
            tests = [test | rates(passed[ran, j], correct[ran]) for j, test in enumerate(item["tests"])]
            solutions = [s | {"correct": bool(right) if done else None}
                         for s, right, done in zip(item["solutions"], correct, ran, strict=True)]
            yield Outcome({"tests": tests, "solutions": solutions,
                           "judged_by": "ground_truth" if item["ground_truth"] else "collected_tests"})


def rates(accepted: NDArray[np.bool_], correct: NDArray[np.bool_]) -> dict[str, float | None]:
    """The four rates of one test from what it accepted and what is right, both [solutions]."""
    counts = Confusion(tp=int((accepted & correct).sum()), fp=int((accepted & ~correct).sum()),
                       tn=int((~accepted & ~correct).sum()), fn=int((~accepted & correct).sum()))
    found = {"false_acceptance": counts.far, "false_rejection": counts.frr,
             "FAR": counts.far_paper, "FRR": counts.frr_paper}
    return {name: None if math.isnan(rate) else rate for name, rate in found.items()}
