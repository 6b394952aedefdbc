"""From scores to choices to best-of-N accuracy, with ties averaged and intervals over problems."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coderm.errors import InputError
from coderm.matrix import RewardMatrix
from coderm.reward.context import Context, Floats, MissingInput, Rule, Task

TIE = 1e-9
"""Scores closer than this, relative to the larger, are equal: rounding must not break a tie."""


class Estimate(NamedTuple):
    """A mean with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def tied_best(scores: Floats) -> NDArray[np.bool_]:
    """True for the candidates with the best score, along the first axis ([N] or [N, R])."""
    best = scores.max(axis=0, initial=-np.inf)
    # -inf means "never choose"; where all are, all tie
    with np.errstate(invalid="ignore"):
        near: NDArray[np.bool_] = (scores == best) | (scores >= best - TIE * np.maximum(1, np.abs(best)))
    return near


def choosable(scores: Floats, context: Context) -> Floats:
    """The scores, [N] or [N, R], with "never choose" for candidates that were ruled out before all tests had run."""
    if context.survivors is None:
        return scores
    return np.where(context.survivors.reshape(-1, *[1] * (scores.ndim - 1)), scores, -np.inf)


def accuracy(scores: Floats, labels: NDArray[np.bool_]) -> float:
    """Expected accuracy of choosing among the tied best at random; 0 where there is no candidate."""
    return float(labels[tied_best(scores)].mean()) if len(scores) else 0.0


def applied(rule: Rule, matrix: RewardMatrix, context: Context) -> Floats:
    """The scores of a rule, [N], as floats: one of the user's own may count in integers, which have no -inf.

    Raises InputError where they are not one a candidate, or one is no number.
    """
    if not isinstance(matrix, RewardMatrix):
        raise InputError(f"rules look at a RewardMatrix (what `Engine.execute` returns), not {type(matrix).__name__}; "
                         "RewardMatrix.from_passed makes one of a table of True and False")
    scores = np.asarray(rule(matrix, context), dtype=np.float64)
    if scores.shape != (matrix.shape[0],):
        raise InputError(f"rule {getattr(rule, '__name__', rule)!r}: gave scores of shape {scores.shape}, "
                         f"expected ({matrix.shape[0]},), one a candidate")
    if np.isnan(scores).any():
        raise InputError(f"rule {getattr(rule, '__name__', rule)!r}: gave candidate {int(np.isnan(scores).argmax())} a "
                         "score that is no number (NaN)")
    return scores


def task_scores(task: Task, rule: Rule) -> Floats:
    """The scores of a rule on a problem, [N], "never choose" included; no rule is asked where there is no candidate.

    Raises InputError naming the problem.
    """
    if not len(task.matrix.codes):
        return np.zeros(0)
    try:
        return choosable(applied(rule, task.matrix, task.context), task.context)
    except MissingInput as missing:
        raise MissingInput(f"{task.task_id}: {missing}") from missing
    except InputError as error:
        raise InputError(f"{task.task_id}: {error}") from error


def accuracies(tasks: Sequence[Task], rule: Rule) -> Floats:
    """Expected best-of-N accuracy of a rule on each problem, [problems] in 0..1. Every task needs labels."""
    values = np.zeros(len(tasks))
    for i, task in enumerate(tasks):
        assert task.context.labels is not None, f"{task.task_id} has no labels"
        values[i] = accuracy(task_scores(task, rule), task.context.labels)
    return values


@lru_cache(maxsize=1)  # the intervals of many rules over the same problems share one draw
def bootstrap_weights(problems: int, resamples: int, seed: int) -> NDArray[np.int64]:
    """How often each problem is drawn in each bootstrap sample, [resamples, problems], read-only (Efron 1979)."""
    weights = np.random.default_rng(seed).multinomial(problems, np.full(problems, 1 / problems), size=resamples)
    weights.setflags(write=False)
    return weights


def mean_interval(values: Floats, *, resamples: int = 10_000, seed: int = 0) -> Estimate:
    """Mean over problems with its 95 % percentile bootstrap interval, problems being resampled."""
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"))
    means = bootstrap_weights(len(values), resamples, seed) @ values / len(values)
    low, high = np.quantile(means, (0.025, 0.975))
    return Estimate(float(values.mean()), float(low), float(high))
