"""The fitted rule: what one more reply is worth where the votes look as they do, learned from labelled problems.

The sequential rule guesses from the votes what more replies may still change; this one has seen, on training problems
of the same policy and tester, how much selection accuracy the next 2, 8, 24 and all replies brought where the votes
had the same shape. It looks when the sequential rule looks and rules out the candidates that the sequential rule
rules out; gradient-boosted trees on the shape of the votes take the place of its worth, and a problem of whose further
replies no good is expected gets none. Problems are cross-fitted: no problem's worth comes from its own labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coderm.errors import MissingExtra
from coderm.scale.recorded import Replies, best
from coderm.scale.sequential import Standing, Worth, replay
from coderm.scale.static import FOLDS

Floats = NDArray[np.float64]
SHUFFLES = 4
_LOOKS = 15
_GROUPS = 3
_HORIZONS = (2, 8, 24)
_LEAF = 0.02  # of the training rows: neighbouring rows are prefixes of the same problem
_TINY = 1e-9


def cross_fitted_worth(replies: Replies, seed: int) -> Worth:
    """The worth of a further reply for each of two problems or more, learned from the problems of the other folds.

    Raises MissingExtra without scikit-learn.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtra("probe", "scikit-learn") from None
    rng = np.random.default_rng(seed)
    p, _, m = replies.votes.shape
    fold = rng.permutation(p) % FOLDS
    horizons = (*_HORIZONS, m)
    looks, row_fold, gains = _training_rows(replies, rng, fold, horizons)
    models = []
    with threadpool_limits(1):
        for k in range(min(FOLDS, p)):
            train = row_fold != k
            models.append([HistGradientBoostingRegressor(
                max_iter=100, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=max(20, int(_LEAF * train.sum())),
                l2_regularization=10.0, early_stopping=False, random_state=seed).fit(looks[train], gain[train])
                for gain in gains])

    def worth(replies: Replies, b: int, now: Standing) -> Floats:
        look, left = shape_of_votes(replies, b, now), np.maximum(replies.limit - b, 1)
        found = np.zeros(p)
        with threadpool_limits(1):
            for k, of_fold in enumerate(models):
                mine = fold == k
                found[mine] = np.max([model.predict(look[mine]) / np.minimum(horizon, left[mine])
                                      for horizon, model in zip(horizons, of_fold, strict=True)], axis=0)
        return np.where(now.worth > 0, np.maximum(found, 0.0), 0.0)

    return worth


def shape_of_votes(replies: Replies, b: int, now: Standing) -> Floats:
    """[P, features] what can be seen after b replies, of the candidates in the race and the cells that ran."""
    votes, pairs, alive = replies.votes[:, :, :b], replies.pairs[:, :b], now.alive
    rows, total = np.arange(len(votes)), votes.sum(axis=2)
    key = replies.keys[:, :, :b].sum(axis=2, dtype=np.uint64)
    _, size, weight = best(replies.rule, total, key, alive)
    racing = np.maximum(alive.sum(axis=1), 1)
    rate = np.where(alive, replies.cases[:, :, :b].sum(axis=2) / np.maximum(pairs.sum(axis=1), 1)[:, None], 0.0)
    mean = rate.sum(axis=1) / racing
    features = [
        np.full(len(votes), b), np.log(now.worth + _TINY), alive.mean(axis=1), pairs.sum(axis=1),
        (pairs > 0).sum(axis=1),
        ((votes > 0) & alive[:, :, None]).any(axis=1).sum(axis=1), (alive & (total == 0)).sum(axis=1) / racing,
        np.where(alive, total, 0).sum(axis=1) / racing, mean, rate.max(axis=1),
        np.sqrt(np.maximum(np.square(rate).sum(axis=1) / racing - mean**2, 0)),
    ]
    left, score = alive.copy(), np.where(alive, total * weight, -1.0)
    leader = np.zeros(votes[:, 0].shape, bool)
    for place in range(_GROUPS):
        top = np.where(left, score, -1.0).argmax(axis=1)
        there, group = left[rows, top], left & (key == key[rows, top][:, None])
        passed = votes[rows, top] > 0
        of_group = [total[rows, top], size[rows, top] / replies.present.sum(axis=1), score[rows, top],
                    (rate * group).sum(axis=1) / np.maximum(group.sum(axis=1), 1)]
        if place == 0:
            leader = passed
        else:
            of_group += [(leader & ~passed).sum(axis=1), (passed & ~leader).sum(axis=1)]
        features += [np.where(there, feature, -1.0) for feature in of_group]
        left &= ~group
    return np.stack([*features, left.any(axis=1)], axis=1).astype(np.float64)


def _training_rows(replies: Replies, rng: np.random.Generator, fold: NDArray[np.int64],
                   horizons: tuple[int, ...]) -> tuple[Floats, NDArray[np.int64], list[Floats]]:
    """Looks [R, features], each one's fold [R], and what the next replies brought within each horizon [R]."""
    p, _, m = replies.votes.shape
    rows = np.arange(p)
    kept = {round(b) for b in np.geomspace(1, max(m - 1, 1), _LOOKS)}
    looks: list[Floats] = []
    folds: list[NDArray[np.int64]] = []
    gains: list[list[Floats]] = [[] for _ in horizons]
    for _ in range(SHUFFLES):
        seen: dict[int, Floats] = {}

        def note(replies: Replies, b: int, now: Standing, seen: dict[int, Floats] = seen) -> Floats:
            if b in kept:
                seen[b] = shape_of_votes(replies, b, now)
            return now.worth

        shuffled = replies.shuffled(rng)
        _, accuracy, _ = replay(shuffled, worth=note)
        for b, look in seen.items():
            open_ = shuffled.limit > b
            looks.append(look[open_])
            folds.append(fold[open_])
            for gain, horizon in zip(gains, horizons, strict=True):
                later = np.minimum(b + horizon, shuffled.limit)
                gain.append((accuracy[rows, later] - accuracy[rows, b])[open_])
    return np.concatenate(looks), np.concatenate(folds), [np.concatenate(gain) for gain in gains]
