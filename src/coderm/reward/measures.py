"""How good unit tests are: Table 2 of the paper, in its reading and the standard one, and each test by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Task, electorate, votes
from coderm.reward.evaluate import tied_best


@dataclass(frozen=True)
class Confusion:
    """Judgements of candidates against their labels; positive means "judged correct" (Ma et al. 2025, app. D)."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def accuracy(self) -> float:
        """(TP + TN) / all."""
        return _ratio(self.tp + self.tn, self.tp + self.tn + self.fp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def far_paper(self) -> float:
        """FP / (FP + TP), which the paper prints as FAR: the false discovery rate."""
        return _ratio(self.fp, self.fp + self.tp)

    @property
    def frr_paper(self) -> float:
        """FN / (FN + TN), which the paper prints as FRR: the false omission rate."""
        return _ratio(self.fn, self.fn + self.tn)

    @property
    def far(self) -> float:
        """FP / (FP + TN): the share of wrong candidates that are accepted, FAR as usually defined."""
        return _ratio(self.fp, self.fp + self.tn)

    @property
    def frr(self) -> float:
        """FN / (FN + TP): the share of right candidates that are rejected, FRR as usually defined."""
        return _ratio(self.fn, self.fn + self.tp)

    def as_json(self) -> dict[str, float]:
        """Counts, and rates in percent; NaN where a rate has no case to go by."""
        rates = {name: 100 * getattr(self, name)
                 for name in ("accuracy", "f1", "far_paper", "frr_paper", "far", "frr")}
        return {"tp": self.tp, "fp": self.fp, "tn": self.tn, "fn": self.fn, **rates}


@dataclass(frozen=True)
class Quality:
    """Table 2: one test's verdict on one candidate, and the majority vote of all tests."""

    individual: Confusion
    multiple: Confusion


@dataclass(frozen=True)
class OneTest:
    """One unit test among the others of its problem; shares are in 0..1 over the candidates it ran on."""

    pass_rate: float
    discrimination: float
    """4 p (1 - p): 1 where it parts the candidates in two halves, 0 where all or none pass."""
    agreement: float
    """Share of candidates on which it says what the vote of all tests says (in the tied best: right)."""
    reason: str | None
    """Why it proves nothing or cannot be loaded, where that is so for every candidate."""
    labelled: Confusion | None
    """Its verdicts against the labels, where the labels are known."""


@dataclass(frozen=True)
class Separation:
    """How far the tests of the problems tell candidates apart, means over problems."""

    calls: float
    """Distinct calls that the tests make."""
    separating: float
    """Calls on which at least two candidates do different things."""
    behaviours: float
    """Groups of candidates that do the same on every call."""
    pass_vectors: float
    """Groups of candidates that pass the same tests: what is left where only verdicts are kept."""


def separation(tasks: Sequence[Task]) -> Separation | None:
    """What the inputs contribute, whatever the rule; None where no task has recorded behaviour."""
    rows = []
    for task in tasks:
        behaviour = task.matrix.behaviour
        if behaviour is None or not len(behaviour):
            continue
        rows.append((behaviour.shape[1], (behaviour != behaviour[:1]).any(axis=0).sum(),
                     len(np.unique(behaviour, axis=0)), len(np.unique(votes(task.matrix, task.context), axis=0))))
    # problems without tests make no calls, recorded or not
    recorded = any(calls for calls, *_ in rows)
    return Separation(*(float(mean) for mean in np.mean(rows, axis=0))) if recorded else None


def quality(tasks: Sequence[Task]) -> Quality:
    """Table 2 over all labelled tasks, pairs pooled (Ma et al. 2025, §4 and app. D).

    Individual: each voting test's verdict on each candidate. Multiple: a candidate is judged correct iff no other
    candidate of its problem passes more tests; where nobody votes, all are. Cells that did not run are left out.
    """
    single, vote = np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)
    for task in tasks:
        labels = task.context.labels
        if labels is None or not len(labels):
            continue
        cast = votes(task.matrix, task.context)
        ran = task.matrix.ran[:, electorate(task.matrix, task.context)]
        single += _counts(cast[ran] == 1, np.broadcast_to(labels[:, None], cast.shape)[ran])
        vote += _counts(tied_best(cast.sum(axis=1)), labels)
    return Quality(Confusion(*map(int, single)), Confusion(*map(int, vote)))


def each_test(matrix: RewardMatrix, context: Context | None = None) -> list[OneTest]:
    """Each unit test of a problem by itself, [M]; measured against the labels where the context has them."""
    context = context or Context()
    consensus = tied_best(votes(matrix, context).sum(axis=1))
    found = []
    for j, reason in enumerate(matrix.reasons):
        ran = matrix.ran[:, j]
        passed = matrix.passed[ran, j]
        rate = float(passed.mean()) if ran.any() else float("nan")
        agreement = float((passed == consensus[ran]).mean()) if ran.any() else float("nan")
        labelled = None if context.labels is None else Confusion(*map(int, _counts(passed, context.labels[ran])))
        found.append(OneTest(rate, 4 * rate * (1 - rate), agreement, reason, labelled))
    return found


def _counts(judged: NDArray[np.bool_], labels: NDArray[np.bool_]) -> NDArray[np.int64]:
    """tp, fp, tn, fn."""
    return np.array([(judged & labels).sum(), (judged & ~labels).sum(),
                     (~judged & ~labels).sum(), (~judged & labels).sum()])


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
