"""Everything that is known about the candidates of one problem, for many draws of candidates and tests at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, MissingInput, electorate, votes
from coderm.reward.groups import totals_of_equal
from coderm.reward.texts import copies, similarity


@dataclass(frozen=True)
class Evidence:
    """Behaviour, votes and texts of N candidates, and how often each thing counts in each of R draws."""

    behaviour: NDArray[np.int64]
    """[N, C] fingerprints: positive returned, negative raised, 0 not reached."""
    votes: Floats
    """[N, V] votes of the tests that vote."""
    calls: Floats
    """[C, R] 1 where a drawn test makes the call."""
    tests: Floats
    """[V, R] how often each voting test was drawn."""
    solutions: Floats
    """[N, R] how often each candidate was drawn."""
    context: Context

    @classmethod
    def of(cls, matrix: RewardMatrix, context: Context, tests: Floats | None = None,
           solutions: Floats | None = None) -> Evidence:
        """The evidence in a matrix; `tests` [M, R] and `solutions` [N, R] are draws (None: everything once).

        Raises MissingInput where behaviour was not recorded.
        """
        if matrix.behaviour is None:
            raise MissingInput("this rule needs recorded behaviour: run `coderm execute RUN --behaviour --redo`, or in "
                               "Python take an Engine(behaviour=True)")
        n, m = matrix.shape
        tests = np.ones((m, 1)) if tests is None else tests
        solutions = np.ones((n, 1)) if solutions is None else solutions
        calls = (np.ones((matrix.behaviour.shape[1], tests.shape[1])) if matrix.calls is None
                 else (matrix.calls.T @ tests > 0).astype(np.float64))
        return cls(matrix.behaviour, votes(matrix, context), calls, tests[electorate(matrix, context)], solutions,
                   context)

    def passed(self) -> Floats:
        """Drawn tests that each candidate passes, [N, R]."""
        passed: Floats = self.votes @ self.tests
        return passed

    def distinct(self) -> Floats:
        """[N, R] weights by which every drawn text counts once, shared among its drawn copies."""
        drawn = (self.solutions > 0).astype(np.float64)
        if self.context.solutions is None:
            return drawn
        same = copies(tuple(self.context.solutions))
        alike = np.zeros((same.max(initial=-1) + 1, drawn.shape[1]))
        np.add.at(alike, same, drawn)
        shared: Floats = drawn / np.maximum(alike[same], 1)
        return shared

    def typicality(self) -> Floats:
        """Mean similarity of each text to the drawn texts, [N, R]; all 1 where the texts are not known."""
        if not self.context.solutions:
            return np.ones_like(self.solutions)
        drawn = self.solutions.sum(axis=0)
        mean = similarity(tuple(self.context.solutions)) @ self.solutions / drawn
        return np.asarray(np.maximum(mean, 1 / drawn))

    def twins(self, weight: Floats, calls: Floats | None = None) -> Floats:
        """Weight [N, R] of the candidates that do the same as each on every drawn call (or on `calls` [C, R])."""
        rows, index = self._rows()
        codes = np.zeros(rows.shape)
        rng = np.random.default_rng(0)
        bits = 51 - (rows.shape[1] + 1).bit_length()
        for k, column in enumerate(rows.T):
            _, value = np.unique(column, return_inverse=True)
            codes[:, k] = rng.integers(1, 2**bits, len(rows))[value]
        keys = codes @ (self.calls if calls is None else calls)  # sums of integers below 2**53: exact in float64
        return totals_of_equal(keys, self._by_row(weight))[index]

    def agreement(self, weight: Floats) -> Floats:
        """Weight [N, R] of the candidates that return the same as each, averaged over the drawn calls.

        Raising or not reaching a call agrees with nobody; where no call was drawn, all agree.
        """
        rows, index = self._rows()
        by_row = self._by_row(weight)
        total = np.zeros_like(by_row)
        for k, column in enumerate(rows.T):
            _, value = np.unique(column, return_inverse=True)
            total += np.where((column > 0)[:, None], _sums(by_row, value)[value], 0) * self.calls[k]
        made = self.calls.sum(axis=0)
        mean: Floats = np.where(made > 0, total / np.maximum(made, 1), by_row.sum(axis=0))[index]
        return mean

    def return_share(self, calls: Floats | None = None) -> Floats:
        """Share of the drawn calls (or of `calls` [C, R]) on which each candidate returns, [N, R]; 1 without any."""
        calls = self.calls if calls is None else calls
        made = calls.sum(axis=0)
        share: Floats = np.where(made > 0, (self.behaviour > 0) @ calls / np.maximum(made, 1), 1.0)
        return share

    def effective_values(self) -> Floats:
        """exp(entropy) of the values that each candidate returns over the drawn calls, [N, R]; at least 1."""
        rows, index = self._rows()
        effective = np.ones((len(rows), self.calls.shape[1]))
        for i, row in enumerate(rows):
            returned = np.flatnonzero(row > 0)
            if not len(returned):
                continue
            _, value = np.unique(row[returned], return_inverse=True)
            counts = _sums(self.calls[returned], value)
            share = counts / np.maximum(counts.sum(axis=0), 1)
            effective[i] = np.exp(-(share * np.log(np.maximum(share, 1e-300))).sum(axis=0))
        return effective[index]

    def _rows(self) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """The different rows of behaviour and which of them each candidate has."""
        rows, index = np.unique(self.behaviour, axis=0, return_inverse=True)
        return rows, index

    def _by_row(self, weight: Floats) -> Floats:
        rows, index = self._rows()
        return _sums(weight, index) if len(rows) else weight


def _sums(weight: Floats, group: NDArray[np.intp]) -> Floats:
    """Sums of the rows of [K, R] over each of the groups 0..G-1, [G, R]; every group has a member."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(group.max() + 1))
    sums: Floats = np.add.reduceat(weight[order], starts, axis=0)
    return sums
