"""Best of N: candidate solutions and unit tests in, the best candidate out. No language model needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import InputError
from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, Rule, votes
from coderm.reward.evaluate import tied_best
from coderm.reward.selectors import resolve, score


@dataclass(frozen=True, eq=False)
class BestOfN:
    """The outcome of choosing among the candidates of one problem."""

    best: int
    """Index of the chosen candidate: the lowest of the tied."""
    tied: NDArray[np.intp]
    """Indices of all candidates that share the best score, ascending."""
    scores: Floats
    """[N] what the rule gave each candidate."""
    votes: Floats
    """[N] unit tests passed, of those that vote."""
    matrix: RewardMatrix
    """Every candidate on every unit test."""


def best_of_n(solutions: Iterable[str], unit_tests: Iterable[str], select: str | Rule = "majority",
              **engine: Any) -> BestOfN:
    """Run every solution on every unit test and choose the best by the rule `select` (a name in SELECTORS).

    Keyword arguments go to `coderm.Engine`: isolation, time_limit, memory_limit, workers, ... Raises InputError
    where there is no solution, or one text stands for a list of them.
    """
    from coderm.execute import Engine
    from coderm.execute.problem import listed

    solutions, unit_tests = listed("solutions", solutions), listed("unit_tests", unit_tests)
    if not solutions:
        raise InputError("best_of_n needs at least one solution")
    rule = resolve(select)
    engine.setdefault("behaviour", getattr(rule, "needs_behaviour", False))
    with Engine(**engine) as running:
        matrix = running.execute(solutions, unit_tests)
    context = Context(solutions=solutions, unit_tests=unit_tests, protocol=engine.get("protocol", "default"))
    scores = score(matrix, rule, context)
    tied = np.flatnonzero(tied_best(scores))
    return BestOfN(int(tied[0]), tied, scores, votes(matrix, context).sum(axis=1), matrix)
