"""The part of MPSC that needs no specifications: scores that flow along the passes between candidates and tests."""

from __future__ import annotations

import numpy as np

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, votes


def mpsc_no_spec(matrix: RewardMatrix, context: Context) -> Floats:
    """Multi-perspective self-consistency on candidates and tests alone (Huang et al. 2024, without specifications).

    Fixed point of s = alpha T s + (1 - alpha) s0 on the bipartite graph of passes, T its symmetrically normalised
    adjacency, s0 the weighted cardinality of each vertex's equivalence class, alpha 0.95 where at least 16 % of the
    pairs pass and 0.01 below, as in the published code. A candidate that passes nothing scores 0.
    """
    passes = votes(matrix, context)
    n = len(passes)
    if not passes.any():
        return np.zeros(n)
    degree_c, degree_t = passes.sum(axis=1), passes.sum(axis=0)
    normal = passes * _inverse_sqrt(degree_c)[:, None] * _inverse_sqrt(degree_t)
    alpha = 0.95 if passes.mean() >= 0.16 else 0.01
    start_c, start_t = _cardinality(passes), _cardinality(passes.T)
    # eliminate the tests: c = alpha T t + (1 - alpha) c0 with t = alpha T' c + (1 - alpha) t0
    system = np.eye(n) - alpha**2 * normal @ normal.T
    scores = np.linalg.solve(system, (1 - alpha) * (start_c + alpha * normal @ start_t))
    return np.where(degree_c > 0, scores, 0.0).astype(np.float64)


def _inverse_sqrt(degree: Floats) -> Floats:
    return np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1e-300)), 0.0)


def _cardinality(rows: Floats) -> Floats:
    """Size of each row's class of equal rows times the share it agrees with, normalised to sum 1."""
    _, index, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    weight = (counts[index] * rows.mean(axis=1)).astype(np.float64)
    return np.asarray(weight / max(weight.sum(), 1e-300))
