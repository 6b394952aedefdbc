"""Best-of-N accuracy against the number of candidates and of unit tests (Ma et al. 2025, Fig. 1, 2, 3, 5 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coderm.reward.behaviour_rules import BehaviourRule
from coderm.reward.context import Floats, Rule, Task, electorate, votes
from coderm.reward.evaluate import accuracy, bootstrap_weights, choosable, tied_best
from coderm.reward.evidence import Evidence
from coderm.reward.verdict_rules import VerdictRule

Method = Literal["paper", "bootstrap"]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Curve:
    """Accuracy of one rule for every number of candidates and tests, resample and problem."""

    n_values: tuple[int, ...]
    m_values: tuple[int, ...]
    task_ids: tuple[str, ...]
    samples: NDArray[np.float32]
    """[n values, m values, resamples, problems] expected accuracy in 0..1."""
    weights: Counts
    """[resamples, problems] how often each problem is drawn: all ones with the paper's resampling."""

    def means(self, problems: NDArray[np.bool_] | None = None) -> Floats:
        """Accuracy over the problems (a mask; None is all), [n values, m values] in 0..1."""
        means: Floats = self.by_resample(problems).mean(axis=-1)
        return means

    def interval(self, problems: NDArray[np.bool_] | None = None) -> tuple[Floats, Floats]:
        """Ends of the 95 % interval over resamples, each [n values, m values] in 0..1."""
        low, high = np.quantile(self.by_resample(problems), (0.025, 0.975), axis=-1)
        return low, high

    def by_resample(self, problems: NDArray[np.bool_] | None = None) -> Floats:
        """Accuracy over the problems in each resample that drew any of them, [n values, m values, resamples]."""
        chosen = slice(None) if problems is None else problems
        weights = self.weights[:, chosen]
        drew = weights.any(axis=1)
        samples, weights = self.samples[:, :, drew][..., chosen], weights[drew]
        totals: Floats = np.einsum("nmrp,rp->nmr", samples, weights) / weights.sum(axis=1)
        return totals


def scaling_curve(tasks: Sequence[Task], rule: Rule, n_values: Sequence[int], m_values: Sequence[int], *,
                  resamples: int = 100, method: Method = "paper", seed: int = 0) -> Curve:
    """Accuracy of `rule` with the given numbers of candidates and unit tests; every task needs labels.

    `paper` draws tests without replacement and takes the first n candidates, as the released code does, so the
    interval shows the choice of tests alone. `bootstrap` draws tests, candidates and problems with replacement. A
    problem with fewer than n candidates or m tests gives what it has.
    """
    sizes = len(n_values), len(m_values), resamples
    samples = np.zeros((*sizes, len(tasks)), dtype=np.float32)
    for p, task in enumerate(tasks):
        rng = np.random.default_rng((seed, p))
        n, pool = task.matrix.shape[0], _pool(task)
        if not n:
            continue
        if method == "bootstrap" and task.context.protocol == "paper":
            # the pool holds each text once; by its text, a test that is drawn twice would count once
            task = replace(task, context=replace(task.context, unit_tests=None))
        rows = _draws(rng, n, max(n_values), resamples, method, shuffle=False)
        cols = pool[_draws(rng, len(pool), max(m_values), resamples, method, shuffle=True)]
        for i, n_drawn in enumerate(n_values):
            drawn = rows[:, :n_drawn]
            batched = isinstance(rule, VerdictRule | BehaviourRule)
            samples[i, :, :, p] = (_batched if batched else _one_by_one)(task, rule, drawn, cols, m_values)
    weights = (bootstrap_weights(len(tasks), resamples, seed) if method == "bootstrap"
               else np.ones((resamples, len(tasks)), dtype=np.int64))
    return Curve(tuple(n_values), tuple(m_values), tuple(t.task_id for t in tasks), samples, weights)


def difficulty_quintiles(tasks: Sequence[Task]) -> NDArray[np.int64]:
    """Quintile of each problem by its actual pass rate, 1 the easiest to 5 the hardest, [problems].

    Problems without a correct candidate are dropped and hold 0 (Ma et al. 2025, Fig. 3); equal rates keep their
    order, so that the parts differ by at most one problem.
    """
    rates = pass_rates(tasks)
    kept = np.flatnonzero(rates > 0)
    quintile = np.zeros(len(tasks), dtype=np.int64)
    for q, part in enumerate(np.array_split(kept[np.argsort(-rates[kept], kind="stable")], 5), 1):
        quintile[part] = q
    return quintile


def pass_rates(tasks: Sequence[Task]) -> Floats:
    """Share of correct candidates of each problem, [problems]; 0 where there is none, or none is known."""
    return np.array([0.0 if t.context.labels is None or not len(t.context.labels) else t.context.labels.mean()
                     for t in tasks])


def _pool(task: Task) -> NDArray[np.intp]:
    """The tests that are drawn from: under `paper` those that vote; under `default` all that ran, since a test
    that cannot vote was paid for as well."""
    if task.context.protocol == "paper":
        return electorate(task.matrix, task.context)
    return np.flatnonzero(task.matrix.ran.any(axis=0))


def _draws(rng: np.random.Generator, size: int, most: int, resamples: int, method: Method, *,
           shuffle: bool) -> NDArray[np.intp]:
    """Indices below `size` in the order they are drawn, [resamples, draws]; the first k are a draw of k."""
    if method == "bootstrap" and size:
        return rng.integers(0, size, (resamples, most), dtype=np.intp)
    order = np.broadcast_to(np.arange(size), (resamples, size))
    return (rng.permuted(order, axis=1) if shuffle else order)[:, :most]


def _batched(task: Task, rule: Rule, rows: NDArray[np.intp], cols: NDArray[np.intp],
             m_values: Sequence[int]) -> Floats:
    """Accuracy [m values, resamples] with all draws scored in one call."""
    solutions = _counts(rows, task.matrix.shape[0])
    drawn = np.flatnonzero(solutions.any(axis=1))
    matrix, context = task.matrix.take(drawn), task.context.take(drawn)
    assert context.labels is not None
    solutions = np.tile(solutions[drawn], (1, len(m_values)))
    tests = np.concatenate([_counts(cols[:, :m], matrix.shape[1]) for m in m_values], axis=1)
    if isinstance(rule, VerdictRule):
        batch = rule.batch_for(context)
        scores = batch(votes(matrix, context), tests[electorate(matrix, context)], solutions)
    else:
        assert isinstance(rule, BehaviourRule)
        scores = rule.batch(Evidence.of(matrix, context, tests, solutions))
    chosen = tied_best(np.where(solutions > 0, choosable(scores, context), -np.inf)) * solutions
    found: Floats = context.labels @ chosen / chosen.sum(axis=0)
    return found.reshape(len(m_values), -1)


def _one_by_one(task: Task, rule: Rule, rows: NDArray[np.intp], cols: NDArray[np.intp],
                m_values: Sequence[int]) -> Floats:
    """Accuracy [m values, resamples] for a rule that is only known as a function of one matrix."""
    values = np.zeros((len(m_values), len(rows)))
    for i, m in enumerate(m_values):
        for r, (row, col) in enumerate(zip(rows, cols, strict=True)):
            context = task.context.take(row, col[:m])
            assert context.labels is not None
            scores = choosable(rule(task.matrix.take(row, col[:m]), context), context)
            values[i, r] = accuracy(scores, context.labels)
    return values


def _counts(drawn: NDArray[np.intp], size: int) -> Floats:
    """How often each of `size` things was drawn in each resample, [size, resamples]."""
    resamples = len(drawn)
    flat = drawn + size * np.arange(resamples)[:, None]
    return np.bincount(flat.ravel(), minlength=size * resamples).reshape(resamples, size).T.astype(np.float64)
