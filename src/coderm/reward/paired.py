"""Two rules on the same problems: the paired difference, its interval and a paired test."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from coderm.reward.context import Floats
from coderm.reward.evaluate import mean_interval


class Comparison(NamedTuple):
    """Accuracy of the first rule minus the second over problems."""

    difference: float
    low: float
    high: float
    p_value: float
    """Chance of a difference this large, either way, if the two rules were exchangeable on every problem."""
    better: int
    worse: int


def compare(first: Floats, second: Floats, *, resamples: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two rules' accuracies on the same problems (both [problems], see `accuracies`).

    The interval is a paired bootstrap over problems; the test flips the sign of each problem's difference.
    """
    gain = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    estimate = mean_interval(gain, resamples=resamples, seed=seed)
    signs = np.random.default_rng(seed).choice((-1.0, 1.0), size=(resamples, len(gain)))
    as_large = np.abs(signs @ gain) >= abs(gain.sum()) - 1e-12
    return Comparison(*estimate, p_value=float((as_large.sum() + 1) / (resamples + 1)),
                      better=int((gain > 0).sum()), worse=int((gain < 0).sum()))
