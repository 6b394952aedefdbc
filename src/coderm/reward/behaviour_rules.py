"""Rules that look at what candidates return, not only at whether an expected value agrees.

A test whose expected value is wrong fails every candidate alike, yet its input still tells candidates apart. All
rules here read `RewardMatrix.behaviour`: fingerprints [N, calls], positive where the call returned, negative where
it raised, 0 where it was not reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, MissingInput, votes
from coderm.reward.texts import first_of_text
from coderm.reward.verdict_rules import b4_of_groups

Behaviour = NDArray[np.int64]
Scorer = Callable[[Behaviour, Floats, Context], Floats]


@dataclass(frozen=True)
class BehaviourRule:
    """A rule over behaviour [N, calls], votes [N, voters] and context."""

    scorer: Scorer
    needs_behaviour: bool = True

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.scorer.__doc__

    def __call__(self, matrix: RewardMatrix, context: Context) -> Floats:
        """Scores [N]; raises MissingInput where behaviour was not recorded."""
        if matrix.behaviour is None:
            raise MissingInput("this rule needs recorded behaviour: execute with `--behaviour`")
        return self.scorer(matrix.behaviour, votes(matrix, context), context)


def clusters(behaviour: Behaviour) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cluster index and size of each candidate, [N] and [N]: those that did the same on every call."""
    _, index, counts = np.unique(behaviour, axis=0, return_inverse=True, return_counts=True)
    return index, counts[index]


def mbr_exec_outputs(behaviour: Behaviour, votes: Floats, context: Context) -> Floats:
    """Candidates that return the same on every call; one that raises matches nobody (Shi et al. 2022, hard loss).

    Calls on which no candidate returns are left out: their input is invalid.
    """
    valid = behaviour[:, (behaviour > 0).any(axis=0)]
    _, size = clusters(valid)
    return np.where((valid > 0).all(axis=1), size, 0).astype(np.float64)


def same_returns(behaviour: Behaviour, weight: Floats) -> Floats:
    """Weight of the candidates that return the same as each, mean over calls, [N]; all of it where no call is known.

    A call that raises or is not reached agrees with nobody.
    """
    if not behaviour.shape[1]:
        return np.full(len(behaviour), weight.sum())
    total = np.zeros(len(behaviour))
    for column in behaviour.T:
        _, index = np.unique(column, return_inverse=True)
        total += np.where(column > 0, np.bincount(index, weight)[index], 0)
    mean: Floats = total / behaviour.shape[1]
    return mean


def functional_majority(behaviour: Behaviour, votes: Floats, context: Context) -> Floats:
    """Call by call, how many candidates return the same value, averaged (Launer et al. 2026, soft voting)."""
    return same_returns(behaviour, np.ones(len(behaviour)))


def srank(behaviour: Behaviour, votes: Floats, context: Context) -> Floats:
    """Clusters of equal behaviour ranked by functional overlap, R = I V (To et al. 2024).

    I is the share of calls on which two clusters return the same; V is the cluster's share of the distinct texts
    times its share of tests passed. Candidates that return on no call score 0.
    """
    index, _ = clusters(behaviour)
    first = np.unique(index, return_index=True)[1]
    outputs = behaviour[first]
    overlap = ((outputs[:, None] == outputs) & (outputs > 0)).sum(axis=2) / max(1, outputs.shape[1])
    np.fill_diagonal(overlap, 1.0)
    distinct = first_of_text(context.solutions, len(behaviour))
    share = np.bincount(index, distinct) / max(1, distinct.sum())
    passed = np.bincount(index, votes.sum(axis=1)) / np.bincount(index) / max(1, votes.shape[1])
    returns = (outputs > 0).any(axis=1)
    scores: Floats = np.where(returns, overlap @ (share * passed * returns), 0.0)
    return scores[index]


def codet_behaviour(behaviour: Behaviour, votes: Floats, context: Context) -> Floats:
    """CodeT's formula on behaviour: sqrt(candidates that behave alike) x tests passed (after Chen et al. 2022)."""
    scores: Floats = np.sqrt(clusters(behaviour)[1]) * votes.sum(axis=1)
    return scores


def b4_behaviour(behaviour: Behaviour, votes: Floats, context: Context) -> Floats:
    """B4's posterior with the candidates that behave alike as the group (after Chen et al., ASE 2024)."""
    n, m = votes.shape
    size = clusters(behaviour)[1].astype(np.float64)[:, None]
    return b4_of_groups(size, votes, np.ones((m, 1)), np.ones((n, 1)))[:, 0]
