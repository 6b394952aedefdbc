"""Rules that look only at which candidate passes which test.

Each is written for many weightings of the tests and the candidates at once, which is what makes scaling curves
cheap: `votes` [N, M] holds 1 (pass) and 0, `tests` [M, R] and `solutions` [N, R] how often each counts in each of R
draws, and the scores are [N, R]. Called as `rule(matrix, context)`, everything counts once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, votes
from coderm.reward.evaluate import TIE
from coderm.reward.groups import group_sizes

Batch = Callable[[Floats, Floats, Floats], Floats]

@dataclass(frozen=True)
class VerdictRule:
    """A rule over verdicts; `batch` scores many draws at once, `paper_batch` replaces it under that protocol."""

    batch: Batch
    paper_batch: Batch | None = None

    @property
    def __doc__(self) -> str | None:  # type: ignore[override]
        return self.batch.__doc__

    def batch_for(self, context: Context) -> Batch:
        """The batch form under the context's protocol."""
        return self.paper_batch if self.paper_batch and context.protocol == "paper" else self.batch

    def __call__(self, matrix: RewardMatrix, context: Context) -> Floats:
        """Scores [N] with every voting test and every candidate counted once."""
        cast = votes(matrix, context)
        n, m = cast.shape
        scores: Floats = self.batch_for(context)(cast, np.ones((m, 1)), np.ones((n, 1)))[:, 0]
        return scores


def random(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """No opinion: all candidates tie, so accuracy is that of one sample."""
    return np.zeros_like(solutions)


def majority(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Number of unit tests passed, a test counted as often as it was sampled (Ma et al. 2025, Eq. 1)."""
    counts: Floats = votes @ tests
    return counts


def majority_groups(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Majority vote; ties go to the largest group with an identical passed set (Ma et al. 2025, released code)."""
    counts = majority(votes, tests, solutions)
    steps = np.diff(np.sort(counts, axis=0), axis=0)
    # below one where cells that did not run left fractions of votes
    least = np.where(steps > TIE * np.maximum(1, counts.max(axis=0, initial=0)), steps, 1).min(axis=0, initial=1)
    scores: Floats = counts + least * group_sizes(votes, tests, solutions) / (solutions.sum(axis=0) + 1)
    return scores


def codet(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Dual execution agreement: sqrt(candidates with this pass vector) x tests passed (Chen et al. 2022)."""
    agreement: Floats = np.sqrt(group_sizes(votes, tests, solutions)) * majority(votes, tests, solutions)
    return agreement


def mbr_exec_hard(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Size of the group with this pass vector: hard MBR-Exec on verdicts (Shi et al. 2022)."""
    return group_sizes(votes, tests, solutions)


def mbr_exec_soft(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Mean agreement with the other candidates, test by test: soft MBR-Exec on verdicts (Shi et al. 2022)."""
    rate = pass_rates(votes, solutions)
    agreement: Floats = majority(votes, tests * (2 * rate - 1), solutions) + (tests * (1 - rate)).sum(axis=0)
    return agreement


def variance(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Votes weighted by p(1-p), p the test's pass rate: a test that all or none pass tells nothing."""
    rate = pass_rates(votes, solutions)
    return majority(votes, tests * rate * (1 - rate), solutions)


def b4(votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """Log posterior that exactly this group is right and exactly the tests it passes (Chen et al., ASE 2024).

    Beta priors as in the published experiments: alpha 1000 on the shares of right candidates and right tests,
    beta 100000 (the middle of the published range) on a wrong candidate passing a wrong test, uniform on a wrong
    candidate passing a right test.
    """
    return b4_of_groups(group_sizes(votes, tests, solutions), votes, tests, solutions)


def b4_of_groups(size: Floats, votes: Floats, tests: Floats, solutions: Floats) -> Floats:
    """B4's log posterior with the given size [N, R] of each candidate's group."""
    candidates, passed, total = solutions.sum(axis=0), votes @ tests, tests.sum(axis=0)
    by_test = votes.T @ solutions * tests
    others = np.maximum(candidates - size, 0)
    on_right = np.maximum(votes @ by_test - size * passed, 0)
    on_wrong = np.maximum((1 - votes) @ by_test, 0)
    return (_log_beta(size + 1000, others + 1) + _log_beta(passed + 1000, total - passed + 1)
            + _log_beta(on_right + 1, others * passed - on_right + 1)
            + _log_beta(on_wrong + 1, others * (total - passed) - on_wrong + 100_000))


def pass_rates(votes: Floats, solutions: Floats) -> Floats:
    """Share of the drawn candidates that pass each test, [M, R]."""
    rates: Floats = votes.T @ solutions / np.maximum(solutions.sum(axis=0), 1)
    return rates


def _log_beta(a: Floats, b: Floats) -> Floats:
    return _log_gamma(a) + _log_gamma(b) - _log_gamma(a + b)


def _log_gamma(x: Floats) -> Floats:
    """ln gamma(x) for x >= 1 by Stirling's series after seven steps up; absolute error below 1e-9."""
    y = x + 7
    steps = x * (x + 1) * (x + 2) * (x + 3) * (x + 4) * (x + 5) * (x + 6)
    series = (1 / 12 - (1 / 360 - 1 / (1260 * y * y)) / (y * y)) / y
    result: Floats = (y - 0.5) * np.log(y) - y + 0.5 * math.log(2 * math.pi) + series - np.log(steps)
    return result
