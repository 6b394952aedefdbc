"""Labelled runs as arrays: what each candidate did on each generated reply, so that budgets can be replayed.

The unit of budget is one generated reply with all its test cases; a reply that yielded no test costs the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Rule = Literal["codet", "majority"]
RULES: tuple[Rule, ...] = ("codet", "majority")


@dataclass(frozen=True, eq=False)
class Recorded:
    """One problem of a labelled run: N candidates, T test cases that came from `replies` replies."""

    task_id: str
    passed: NDArray[np.bool_]
    """[N, T] which candidate passes which test case, counted as often as it was sampled."""
    reply_of_test: NDArray[np.int64]
    """[T] the reply each test case came from."""
    replies: int
    """Replies generated, those without a usable test included."""
    correct: NDArray[np.bool_]
    """[N] the ground truth."""

    @property
    def pass_rate(self) -> float:
        """Share of correct candidates: the gold difficulty."""
        return float(self.correct.mean()) if self.correct.size else 0.0


@dataclass(frozen=True, eq=False)
class Replies:
    """P problems side by side, as one selection rule sees them; N and M are the largest of any problem."""

    rule: Rule
    votes: NDArray[np.float32]
    """[P, N, M] what the reply counts for the candidate: test cases passed (`codet`, Chen et al. 2022), or 1 where
    all of them passed (`majority`; Ma et al. 2025, Eq. 1)."""
    keys: NDArray[np.uint64]
    """[P, N, M] a hash of the passed set; equal sums over replies mean equal sets."""
    cases: NDArray[np.float32]
    """[P, N, M] test cases of the reply that the candidate passes."""
    pairs: NDArray[np.int64]
    """[P, M] test cases of the reply: what one candidate costs to judge on it."""
    correct: NDArray[np.bool_]
    """[P, N]."""
    present: NDArray[np.bool_]
    """[P, N] False where a problem has fewer candidates than N."""
    limit: NDArray[np.int64]
    """[P] replies recorded for each problem."""

    def shuffled(self, rng: np.random.Generator) -> Replies:
        """Each problem's replies in a new random order: one resample, without replacement."""
        order = np.argsort(np.where(np.arange(self.votes.shape[2]) < self.limit[:, None],
                                    rng.random(self.pairs.shape), 2.0), axis=1)
        return Replies(self.rule, np.take_along_axis(self.votes, order[:, None, :], axis=2),
                       np.take_along_axis(self.keys, order[:, None, :], axis=2),
                       np.take_along_axis(self.cases, order[:, None, :], axis=2),
                       np.take_along_axis(self.pairs, order, axis=1), self.correct, self.present, self.limit)


def side_by_side(problems: Sequence[Recorded], rule: Rule) -> Replies:
    """Stack the problems for one rule; smaller ones are padded and marked absent."""
    p, n = len(problems), max((len(r.correct) for r in problems), default=0)
    m = max((r.replies for r in problems), default=0)
    votes, keys = np.zeros((p, n, m), np.float32), np.zeros((p, n, m), np.uint64)
    cases = np.zeros((p, n, m), np.float32)
    pairs, correct, present = np.zeros((p, m), np.int64), np.zeros((p, n), bool), np.zeros((p, n), bool)
    rng = np.random.default_rng(0)
    for i, problem in enumerate(problems):
        size = len(problem.correct)
        correct[i, :size], present[i, :size] = problem.correct, True
        pairs[i, : problem.replies] = np.bincount(problem.reply_of_test, minlength=problem.replies)
        name = rng.integers(2**64, size=len(problem.reply_of_test), dtype=np.uint64)
        for j in np.unique(problem.reply_of_test):
            mine = problem.reply_of_test == j
            counted = problem.passed[:, mine]
            cases[i, :size, j] = counted.sum(axis=1)
            if rule == "majority":
                counted = np.logical_and.reduce(counted, axis=1, keepdims=True)
            votes[i, :size, j] = counted.sum(axis=1)
            keys[i, :size, j] = (counted * name[mine][: counted.shape[1]]).sum(axis=1, dtype=np.uint64)
    return Replies(rule, votes, keys, cases, pairs, correct, present, np.array([r.replies for r in problems], np.int64))


def best(
    rule: Rule, votes: NDArray[np.float32], keys: NDArray[np.uint64], alive: NDArray[np.bool_]
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]:
    """The tied best candidates, each one's group size among those alive, and its weight, all [P, N].

    A candidate's score is weight * votes: weight is 1 for `majority` and the root of its group's size for `codet`.
    Scores are compared squared, in whole numbers, so that ties are real ties.
    """
    size = np.sum(keys[:, :, None] == keys[:, None, :], axis=2, where=alive[:, None, :])
    weight = size if rule == "codet" else np.ones_like(size)
    score = np.where(alive, weight * np.square(votes, dtype=np.float64), -1.0)
    return score == score.max(axis=1, keepdims=True), size, np.sqrt(weight)
