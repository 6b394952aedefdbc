"""Rules that look at what candidates return, not only at whether an expected value agrees.

A test whose expected value is wrong fails every candidate alike, yet its input still tells candidates apart. Each
rule scores many draws at once: from `Evidence` to [N, R].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats
from coderm.reward.evidence import Evidence
from coderm.reward.verdict_rules import b4_of_groups

Batch = Callable[[Evidence], Floats]


@dataclass(frozen=True)
class BehaviourRule:
    """A rule over recorded behaviour; `batch` scores many draws at once."""

    batch: Batch
    needs_behaviour: bool = True

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.batch.__doc__

    def __call__(self, matrix: RewardMatrix, context: Context) -> Floats:
        """Scores [N]; raises MissingInput where behaviour was not recorded."""
        scores: Floats = self.batch(Evidence.of(matrix, context))[:, 0]
        return scores


def mbr_exec_outputs(evidence: Evidence) -> Floats:
    """Candidates that return the same on every call; one that raises matches nobody (Shi et al. 2022, hard loss).

    Calls on which no candidate returns are left out: their input is invalid.
    """
    returned = np.greater(evidence.behaviour, 0)
    valid = evidence.calls * (returned.T @ (evidence.solutions > 0))
    same = evidence.twins(evidence.solutions, valid)
    return np.where(evidence.return_share(valid) >= 1, same, 0.0)


def functional_majority(evidence: Evidence) -> Floats:
    """Call by call, how many candidates return the same value, averaged (Launer et al. 2026, soft voting)."""
    return evidence.agreement(evidence.solutions)


def srank(evidence: Evidence) -> Floats:
    """Clusters of equal behaviour ranked by functional overlap, R = I V (To et al. 2024).

    I is the share of calls on which two clusters return the same, 1 for a cluster with itself; V is the cluster's
    share of the distinct texts times its share of tests passed. Candidates that return on no call score 0.
    """
    distinct, share = evidence.distinct(), evidence.return_share()
    value = distinct * evidence.passed() * (share > 0)
    overlap = evidence.agreement(value) + (1 - share) * evidence.twins(value)
    scale = np.maximum(distinct.sum(axis=0), 1) * np.maximum(evidence.tests.sum(axis=0), 1)
    return np.where(share > 0, overlap / scale, 0.0)


def codet_behaviour(evidence: Evidence) -> Floats:
    """CodeT's formula on behaviour: sqrt(candidates that behave alike) x tests passed (after Chen et al. 2022)."""
    scores: Floats = np.sqrt(evidence.twins(evidence.solutions)) * evidence.passed()
    return scores


def b4_behaviour(evidence: Evidence) -> Floats:
    """B4's posterior with the candidates that behave alike as the group (after Chen et al., ASE 2024)."""
    size = evidence.twins(evidence.solutions)
    return b4_of_groups(size, evidence.votes, evidence.tests, evidence.solutions)
