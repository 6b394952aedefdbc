"""The static rule: expected gain in *selection* accuracy from one more test, by predicted difficulty.

Eq. 2 counts the policy's attempts: one more sample helps where few are right. One more test helps where it changes
which candidate is chosen, which is something else, and can be measured: on training problems, best-of-N accuracy
after each number of replies is known. A new problem gets the curve of the training problems that were predicted to
be about as hard, and its units are worth the slopes of that curve's least concave majorant, for which greedy
allocation is optimal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FOLDS = 5
_STEP = 1e-9


def expected_gains(train_predicted: Floats, train_curves: Floats, predicted: Floats) -> Floats:
    """Worth of each next unit for each problem, [P, M], from training problems.

    `train_predicted` [T] and `predicted` [P] are predicted pass rates; `train_curves` [T, M + 1] is selection
    accuracy after 0..M replies. Neighbours are weighted by a normal kernel on the logit of the prediction, with
    Silverman's bandwidth.
    """
    known, new = _logit(train_predicted), _logit(predicted)
    width = max(1.06 * float(known.std()) * len(known) ** -0.2, 1e-3)
    distance = (new[:, None] - known[None, :]) / width
    weight = np.exp(-0.5 * (distance**2 - (distance**2).min(axis=1, keepdims=True)))
    curves = weight @ train_curves / weight.sum(axis=1, keepdims=True)
    return np.stack([_concave_slopes(curve) for curve in curves])


def cross_fitted_gains(predicted: Floats, curves: Floats, seed: int) -> Floats:
    """`expected_gains` of every problem from the problems of the other folds: two or more."""
    fold = np.random.default_rng(seed).permutation(len(predicted)) % FOLDS
    gains = np.zeros((len(predicted), curves.shape[1] - 1))
    for k in range(min(FOLDS, len(predicted))):
        train = fold != k
        gains[~train] = expected_gains(predicted[train], curves[train], predicted[~train])
    return gains


def _concave_slopes(curve: Floats) -> Floats:
    """Slopes [M] of the least concave function above `curve` [M + 1]; where it falls, a hair less each unit."""
    hull = [0]
    for j in range(1, len(curve)):
        while len(hull) > 1 and ((curve[hull[-1]] - curve[hull[-2]]) * (j - hull[-1])
                                 <= (curve[j] - curve[hull[-1]]) * (hull[-1] - hull[-2])):
            hull.pop()
        hull.append(j)
    ends = np.array(hull)
    slopes: Floats = np.repeat(np.diff(curve[ends]) / np.diff(ends), np.diff(ends))
    return slopes - _STEP * np.arange(len(slopes))


def _logit(rate: Floats) -> Floats:
    clipped = np.clip(rate, 1e-3, 1 - 1e-3)
    return np.asarray(np.log(clipped / (1 - clipped)))
