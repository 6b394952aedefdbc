"""Accuracy of best-of-N against the budget of unit tests, for each way to spend it (Ma et al. 2025, Fig. 6)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coderm.scale.allocate import log_gain
from coderm.scale.recorded import Replies, best


def prefix_accuracy(replies: Replies) -> NDArray[np.float64]:
    """[P, M + 1] share of correct candidates among the tied best after the first b replies of each problem."""
    p, n, m = replies.votes.shape
    votes, keys = np.zeros((p, n), np.float32), np.zeros((p, n), np.uint64)
    accuracy = np.zeros((p, m + 1))
    for b in range(m + 1):
        chosen, _ = best(replies.rule, votes, keys, replies.present)
        accuracy[:, b] = (chosen & replies.correct).sum(axis=1) / chosen.sum(axis=1)
        if b < m:
            votes, keys = votes + replies.votes[:, :, b], keys + replies.keys[:, :, b]
    return accuracy


def spending_order(priority: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order in which units are handed out: (problem, unit number) of each, most urgent first.

    `priority` [P, M] is the urgency of each problem's next unit when it holds b; -inf units are never handed out.
    Always serving the most urgent problem hands out units in the order of the running minimum of each row; ties go
    to the problem with fewer units, then to the first.
    """
    urgency = np.minimum.accumulate(priority, axis=1)
    problem, unit = np.nonzero(urgency > -np.inf)
    order = np.lexsort((problem, unit, -urgency[problem, unit]))
    return problem[order], unit[order]
