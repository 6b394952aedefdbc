"""What the report says about one problem: how its vote ended, who lost it, and which tests tell.

Nothing in here renders anything; shapes are N candidate solutions by M unit tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coderm.matrix import RewardMatrix
from coderm.records import Problem
from coderm.report.parts import plural
from coderm.reward import Task, select
from coderm.reward.context import Floats, votes

Outcome = Literal["lost", "shared", "won", "hopeless", "unlabelled"]
OUTCOMES: dict[Outcome, str] = {
    "lost": "a correct candidate existed and a wrong one was chosen",
    "shared": "right and wrong candidates tie at the top, so chance decides",
    "won": "every candidate at the top is correct",
    "hopeless": "no candidate is correct, so no rule can choose one",
    "unlabelled": "the truth is not known",
}


@dataclass(frozen=True, eq=False)
class Case:
    """One executed problem of a run, with its majority vote (Ma et al. 2025, Eq. 1)."""

    problem: Problem
    task: Task

    @property
    def matrix(self) -> RewardMatrix:
        """The reward matrix, N by M."""
        return self.task.matrix

    @property
    def correct(self) -> NDArray[np.bool_] | None:
        """[N] whether each candidate is correct; None where the truth is not known."""
        return self.task.context.labels

    @cached_property
    def votes(self) -> Floats:
        """[N] votes of each candidate, by the run's protocol; fractions stand for cells that did not run."""
        counted: Floats = votes(self.matrix, self.task.context).sum(axis=1).round(2)
        return counted

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Indices of the candidates that tie for the most votes."""
        return select(self.matrix, "majority", self.task.context)

    @property
    def pass_rate(self) -> float:
        """Share of candidates that are correct; nan where the truth is not known."""
        return float("nan") if self.correct is None else float(self.correct.mean())

    @property
    def accuracy(self) -> float:
        """Chance that a candidate drawn from the tied best is correct; nan where the truth is not known."""
        return float("nan") if self.correct is None else float(self.correct[self.chosen].mean())

    @property
    def outcome(self) -> Outcome:
        """How the vote ended."""
        if self.correct is None:
            return "unlabelled"
        if not self.correct.any():
            return "hopeless"
        return "won" if self.accuracy == 1 else "lost" if self.accuracy == 0 else "shared"

    @property
    def regret(self) -> float:
        """How much the vote fell short: the share of correct candidates times the chance of a wrong choice."""
        return 0.0 if self.correct is None else self.pass_rate * (1 - self.accuracy)

    @property
    def rival(self) -> int | None:
        """The candidate to compare the chosen one with.

        The correct one with the most votes where the choice can be wrong, otherwise the best wrong one
        (without labels: the best that was not chosen); None where there is no such candidate.
        """
        if self.correct is None:
            others = np.setdiff1d(np.arange(len(self.votes)), self.chosen)
        else:
            others = np.flatnonzero(self.correct if self.outcome in ("lost", "shared") else ~self.correct)
            others = np.setdiff1d(others, [self.champion])
        return int(others[np.argmax(self.votes[others])]) if len(others) else None

    @property
    def champion(self) -> int:
        """The candidate shown as chosen: the first of the tied, a wrong one first where the tie is shared."""
        if self.correct is not None and self.outcome == "shared":
            return int(self.chosen[~self.correct[self.chosen]][0])
        return int(self.chosen[0])

    def row_order(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """Candidates by votes, equal verdict rows side by side, correct ones first among equals."""
        correct = np.zeros(len(self.votes), bool) if self.correct is None else self.correct
        patterns = np.unique(self.matrix.codes[:, columns], axis=0, return_inverse=True)[1].ravel()
        return np.lexsort((~correct, -patterns, -self.votes))

    def column_order(self) -> NDArray[np.int64]:
        """Unit tests by the number of candidates they pass, equal columns side by side, invalid ones last."""
        patterns = np.unique(self.matrix.codes, axis=1, return_inverse=True)[1].ravel()
        return np.lexsort((-patterns, -self.matrix.passed.sum(axis=0), ~self.matrix.voting))

    def why(self) -> str:
        """One sentence on how the vote came out as it did."""
        top, tied = float(self.votes.max()), len(self.chosen)
        if top == 0:
            return f"No test passes any candidate: all {tied} tie and chance decides."
        lead = f"{tied} candidates tie at" if tied > 1 else "The winner has"
        lead += f" {plural(top, 'vote')}"
        if self.correct is None:
            return f"{lead}."
        if self.outcome == "hopeless":
            return f"{lead}; none of the {len(self.votes)} is correct."
        if self.outcome == "shared":
            return f"{lead}, {int(self.correct[self.chosen].sum())} of them correct."
        best = float(self.votes[self.correct if self.outcome == "lost" else ~self.correct].max(initial=-1))
        if best < 0:
            return f"{lead}; every candidate is correct."
        return f"{lead}; the best {'correct' if self.outcome == 'lost' else 'wrong'} candidate has {best:,.10g}."


@dataclass(frozen=True)
class TellingTest:
    """A unit test worth reading, and what it did."""

    index: int
    helps: bool | None
    """True where it favours correct candidates, False where it misleads, None where the truth is not known."""
    caption: str


def telling_tests(case: Case, most: int = 2) -> list[TellingTest]:
    """Up to `most` tests that mislead and `most` that help, of those that separate candidates best.

    With labels, tests that part the chosen candidate from its rival come first, then those with the largest
    difference between the shares of correct and of wrong candidates that they pass; without labels, the variance
    p(1 - p) of the verdicts counts. Only one of several equal columns is shown.
    """
    passed, n = case.matrix.passed, len(case.votes)
    _, first = np.unique(passed, axis=1, return_index=True)
    first = first[case.matrix.voting[first]]
    if case.correct is None or case.correct.all() or not case.correct.any():
        spread = passed.mean(axis=0) * (1 - passed.mean(axis=0))
        order = first[np.argsort(-spread[first], kind="stable")]
        return [TellingTest(int(j), None, f"passes {int(passed[:, j].sum())} of {n} candidates")
                for j in order[:most] if spread[j] > 0]
    right, wrong = passed[case.correct], passed[~case.correct]
    gap = right.mean(axis=0) - wrong.mean(axis=0)
    correct = case.correct
    if case.rival is not None and correct[case.champion] != correct[case.rival]:
        good, bad = sorted((case.champion, case.rival), key=lambda i: not correct[i])
        gap = gap + 2.0 * (passed[good].astype(float) - passed[bad])
    order = first[np.argsort(gap[first], kind="stable")]
    chosen = [(j, False) for j in order[:most] if gap[j] < 0] + [(j, True) for j in order[::-1][:most] if gap[j] > 0]
    return [TellingTest(int(j), helps, f"passes {int(right[:, j].sum())} of {len(right)} correct "
                                       f"and {int(wrong[:, j].sum())} of {len(wrong)} wrong candidates")
            for j, helps in chosen]
