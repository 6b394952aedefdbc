"""What a rule may look at besides the reward matrix, and the votes it counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import InputError
from coderm.matrix import RewardMatrix
from coderm.records import Protocol, Verdict

Floats = NDArray[np.float64]


class MissingInput(InputError):
    """A rule needs something that this problem does not have: labels, outside scores, behaviour."""


@dataclass(frozen=True)
class Context:
    """What is known about one problem beside its reward matrix; a rule takes what it needs."""

    labels: NDArray[np.bool_] | None = None
    """[N] whether each candidate is correct: for the oracle and for measuring, never for choosing."""
    outside: Floats | None = None
    """[N] scores that something else gave the candidates, such as a grading reward model."""
    solutions: Sequence[str] | None = None
    """[N] texts of the candidates."""
    unit_tests: Sequence[str] | None = None
    """[M] texts of the unit tests."""
    protocol: Protocol = "default"
    """`paper`: every test votes, identical texts once, ties go to the largest group with one pass vector."""
    survivors: NDArray[np.bool_] | None = None
    """[N] False for candidates that a sequential budget ruled out, which later tests did not run on; None: all are
    in. Who was ruled out is not chosen: the tests that it missed would have to be guessed."""

    def take(self, solutions: Any = None, unit_tests: Any = None) -> Context:
        """The context of the given candidates and tests (index arrays; None keeps all)."""

        def pick(values: Any, index: Any) -> Any:
            if values is None or index is None:
                return values
            return values[index] if isinstance(values, np.ndarray) else [values[i] for i in index]

        return replace(self, labels=pick(self.labels, solutions), outside=pick(self.outside, solutions),
                       solutions=pick(self.solutions, solutions), unit_tests=pick(self.unit_tests, unit_tests),
                       survivors=pick(self.survivors, solutions))


Rule = Callable[[RewardMatrix, Context], Floats]
"""A selector: scores [N], higher is better; equal scores are a tie."""


@dataclass(frozen=True)
class Task:
    """One problem to be ranked: its matrix and what is known beside it."""

    task_id: str
    matrix: RewardMatrix
    context: Context = Context()


def electorate(matrix: RewardMatrix, context: Context) -> NDArray[np.intp]:
    """Indices of the unit tests that vote.

    Under `default`, tests that are test_error or vacuous for every candidate do not; under `paper` all do, but
    identical texts count once. A test that ran for nobody never votes.
    """
    ran = matrix.ran.any(axis=0)
    if context.protocol == "default":
        return np.flatnonzero(ran & matrix.voting)
    first = np.ones(matrix.shape[1], dtype=bool)
    if context.unit_tests is not None:
        seen: set[str] = set()
        for j, text in enumerate(context.unit_tests):
            first[j] = text not in seen
            seen.add(text)
    return np.flatnonzero(ran & first)


def votes(matrix: RewardMatrix, context: Context) -> Floats:
    """What each voting test says of each candidate, [N, voters]: 1 pass, 0 not.

    A cell that did not run says nothing: it holds the test's pass rate over the candidates it did run on, which
    neither helps nor hurts on average. Under `paper` a vacuous cell is the pass that the released code gives to a
    test class without assertions.
    """
    voters = electorate(matrix, context)
    passed = matrix.passed
    if context.protocol == "paper":
        passed = passed | np.equal(matrix.codes, Verdict.VACUOUS)
    values = passed[:, voters].astype(np.float64)
    ran = matrix.ran[:, voters]
    if not ran.all():
        rate = (values * ran).sum(axis=0) / np.maximum(ran.sum(axis=0), 1)
        values = np.where(ran, values, rate)
    return values
