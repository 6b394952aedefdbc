"""Candidates grouped by what they pass, for many weightings of tests and candidates at once."""

from __future__ import annotations

import numpy as np

from coderm.reward.context import Floats


def group_sizes(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """How many candidates pass exactly the tests that each one passes, [N, R].

    `votes` is [N, M]; `tests` [M, R] and `solutions` [N, R] say how often each test and candidate counts in each of
    R draws (0: not drawn). Pass vectors are compared over the drawn tests by an exact integer fingerprint, so two
    different ones are taken for equal with a chance below 1e-9. A vote that is neither 0 nor 1 (the cell did not
    run and the test is contested) equals only its like.
    """
    rows, index = np.unique(votes, axis=0, return_inverse=True)
    ternary = np.where((rows > 0) & (rows < 1), 2.0, rows)
    bits = 51 - int(2 * votes.shape[1] + 1).bit_length()
    codes = np.random.default_rng(0).integers(1, 2**bits, votes.shape[1]).astype(np.float64)
    keys = ternary @ (codes[:, None] * (tests > 0))  # sums of integers below 2**53: exact in float64
    weight = np.zeros((len(rows), solutions.shape[1]))
    np.add.at(weight, index, solutions)
    return totals_of_equal(keys, weight)[index]


def totals_of_equal(keys: Floats, weight: Floats) -> Floats:
    """For every entry of [K, R], the summed weight of the entries in its column with an equal key."""
    k, r = keys.shape
    order = np.argsort(keys, axis=0)
    ordered = np.take_along_axis(keys, order, axis=0)
    starts = np.ones((k, r), dtype=bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    group = np.cumsum(starts, axis=0) + k * np.arange(r) - 1
    totals = np.bincount(group.ravel(), np.take_along_axis(weight, order, axis=0).ravel(), minlength=k * r)
    result = np.empty((k, r))
    np.put_along_axis(result, order, totals[group], axis=0)
    return result
