"""Best-of-N accuracy against the budget of unit tests, for each way to spend it (Ma et al. 2025, Fig. 6).

Every way is a priority for each problem's next unit; a budget is spent by always serving the highest. Budgets are
replayed on recorded replies, shuffled within each problem once a resample, without replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.errors import InputError
from coderm.progress import Progress
from coderm.reward.evaluate import Estimate, mean_interval
from coderm.scale.allocate import COMPARED, log_gain
from coderm.scale.fitted import cross_fitted_worth
from coderm.scale.recorded import Recorded, Replies, Rule, best, side_by_side
from coderm.scale.sequential import replay
from coderm.scale.static import cross_fitted_gains

Floats = NDArray[np.float64]
STRATEGIES = ("equal", "random", "greedy-gold", "greedy-predicted", "static", "sequential", "fitted")
"""Equal shares; each unit to a random problem; Eq. 2 with gold and with predicted pass rates; the rules made for
verifiers: `static`, `sequential` and `fitted` (the modules of these names)."""
_NEAR = 0.005


@dataclass(frozen=True)
class Reach:
    """What it takes to be as accurate as equal allocation is with every recorded reply."""

    unit_tests: float
    """Replies generated, as a share of all."""
    pairs: float
    """(candidate, test case) pairs executed, as a share of all."""


@dataclass(frozen=True)
class Scaling:
    """The curves of one selection rule on one labelled run."""

    rule: Rule
    task_ids: tuple[str, ...]
    budgets: NDArray[np.int64]
    """[B] replies per problem on average: 1, 2, 4, ..."""
    accuracy: dict[str, Floats]
    """Strategy -> accuracy of each problem at each budget, mean over resamples, [B, P] in 0..1."""
    target: float
    """Accuracy of equal allocation with every recorded reply, in 0..1."""
    reach: dict[str, Reach | None]
    """Strategy -> the first budget at which it is as accurate as that; None where it never is."""
    near: dict[str, Reach | None]
    """The same within half a point: one problem of a few hundred decides whether a flat curve meets its end."""
    settings: dict[str, Any] = field(default_factory=dict)

    def curve(self, strategy: str) -> tuple[Floats, Floats, Floats]:
        """Mean and ends of the 95 % interval over problems, each [B] in 0..1."""
        value, low, high = np.transpose([mean_interval(row) for row in self.accuracy[strategy]])
        return value, low, high

    def area(self, strategy: str) -> Estimate:
        """Mean height over equal allocation along the log2 budget axis, in points, paired over problems."""
        gap = self.accuracy[strategy] - self.accuracy["equal"]
        width = max(len(self.budgets) - 1, 1)
        height = (gap[1:] + gap[:-1]).sum(axis=0) / 2 / width if len(gap) > 1 else gap[0]
        return Estimate(*(100 * x for x in mean_interval(height)))

    def as_json(self) -> dict[str, Any]:
        """Everything in percent, for files and tables."""
        strategies = {}
        for name in self.accuracy:
            value, low, high = (np.round(100 * x, 3).tolist() for x in self.curve(name))
            reached = {key: None if reach is None else vars(reach)
                       for key, reach in (("reach", self.reach[name]), ("near", self.near[name]))}
            strategies[name] = {"accuracy": value, "low": low, "high": high,
                                "area": dict(zip(("value", "low", "high"), self.area(name), strict=True)), **reached}
        return {"rule": self.rule, "problems": len(self.task_ids), "budgets": self.budgets.tolist(),
                "target": 100 * self.target, "strategies": strategies, **self.settings}


def scaling(problems: Sequence[Recorded], predicted: Floats, rule: Rule, *, resamples: int = 20, seed: int = 0,
            quiet: bool = True) -> Scaling:
    """Replay every strategy on labelled problems; `predicted` [problems] are pass rates from a probe.

    Predictions must not have seen the problems' own labels (cross-fit them, see `coderm.scale.probe`); the static
    and the fitted rule are cross-fitted here. `fitted` is left out where scikit-learn is not installed. Raises
    InputError where fewer than two problems have candidates and replies.
    """
    usable = [i for i, p in enumerate(problems) if len(p.correct) and p.replies]
    if len(usable) < 2:
        raise InputError(f"a budget is shared out over two labelled problems or more that have candidates and replies; "
                         f"here are {len(usable)}")
    problems, predicted = [problems[i] for i in usable], np.asarray(predicted, np.float64)[usable]
    rng = np.random.default_rng(seed)
    stacked = side_by_side(problems, rule)
    shuffles = [stacked.shuffled(rng) for _ in range(resamples)]
    accuracies = [prefix_accuracy(replies) for replies in shuffles]
    priorities = _priorities(problems, predicted, np.mean(accuracies, axis=0), seed)
    p, n_units = len(problems), int(stacked.limit.sum())
    budgets = 2 ** np.arange(int(np.log2(n_units / p)) + 1)
    whole = float((stacked.pairs.sum(axis=1) * stacked.present.sum(axis=1)).sum())
    target = float(np.mean([_last(a, stacked.limit) for a in accuracies]))

    names = [name for name in STRATEGIES if name != "fitted" or find_spec("sklearn")]
    worth = {"sequential": None} | ({"fitted": cross_fitted_worth(stacked, seed)} if "fitted" in names else {})
    at_budget = {name: np.zeros((len(budgets), p)) for name in names}
    reach: dict[str, Reach | None] = {}
    near: dict[str, Reach | None] = {}
    with Progress(f"replaying budgets, {rule}", len(names), quiet=quiet) as progress:
        for name in names:
            path, spent = np.zeros(n_units + 1), np.zeros(n_units + 1)
            for replies, accuracy in zip(shuffles, accuracies, strict=True):
                pairs = replies.pairs * replies.present.sum(axis=1, keepdims=True)
                priority = priorities.get(name, np.zeros(0))
                if name == "random":
                    priority = -np.cumsum(rng.exponential(size=replies.pairs.shape), axis=1)
                elif name in worth:
                    priority, accuracy, pairs = replay(replies, worth=worth[name])
                order = spending_order(np.where(np.arange(replies.pairs.shape[1]) < replies.limit[:, None],
                                                priority, -np.inf))
                path += _along(order, np.diff(accuracy, axis=1), accuracy[:, 0].sum(), n_units) / p
                spent += _along(order, pairs, 0.0, n_units)
                for row, budget in enumerate(budgets):
                    units = np.bincount(order[0][: budget * p], minlength=p)
                    at_budget[name][row] += accuracy[np.arange(p), units] / resamples
            for found, short in ((reach, 1e-9), (near, _NEAR)):
                hits = np.flatnonzero(path / resamples >= target - short)
                found[name] = (Reach(hits[0] / n_units, spent[hits[0]] / resamples / max(whole, 1.0))
                               if len(hits) else None)
            progress.advance()
    return Scaling(rule, tuple(r.task_id for r in problems), budgets, at_budget, target, reach, near,
                   {"resamples": resamples, "seed": seed})


def prefix_accuracy(replies: Replies) -> Floats:
    """[P, M + 1] share of correct candidates among the tied best after the first b replies of each problem."""
    p, n, m = replies.votes.shape
    votes, keys = np.zeros((p, n), np.float32), np.zeros((p, n), np.uint64)
    accuracy = np.zeros((p, m + 1))
    for b in range(m + 1):
        chosen, _, _ = best(replies.rule, votes, keys, replies.present)
        accuracy[:, b] = (chosen & replies.correct).sum(axis=1) / chosen.sum(axis=1)
        if b < m:
            votes, keys = votes + replies.votes[:, :, b], keys + replies.keys[:, :, b]
    return accuracy


def spending_order(priority: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order in which units are handed out: (problem, unit number) of each, most urgent first.

    `priority` [P, M] is the urgency of each problem's next unit when it holds b; -inf units are never handed out.
    Always serving the most urgent problem hands out units in the order of each row's running minimum; ties go to
    the problem that holds fewer units, then to the one that stands first, as in `allocate`.
    """
    urgency = np.minimum.accumulate(priority, axis=1)
    problem, unit = np.nonzero(urgency > -np.inf)
    order = np.lexsort((problem, unit, -urgency[problem, unit]))
    return problem[order], unit[order]


def _priorities(problems: Sequence[Recorded], predicted: Floats, curves: Floats, seed: int) -> dict[str, Floats]:
    """Priorities [P, M] of the strategies that look at no votes."""
    units = np.arange(curves.shape[1] - 1)
    gold = np.array([p.pass_rate for p in problems])

    def greedy(rates: Floats) -> Floats:
        # A unit that gains nothing comes last, but it comes: budgets are spent to the unit.
        return np.maximum(np.rint(COMPARED * log_gain(rates[:, None], units)), -np.finfo(np.float64).max)

    return {"equal": np.broadcast_to(-units.astype(np.float64), (len(problems), len(units))),
            "greedy-gold": greedy(gold), "greedy-predicted": greedy(predicted),
            "static": cross_fitted_gains(predicted, curves, seed)}


def _along(order: tuple[NDArray[np.int64], NDArray[np.int64]], steps: NDArray[Any], start: float, n: int) -> Floats:
    """Running total of `steps` [P, M] in spending order, [n + 1]; it stays where spending stops early."""
    total = np.full(n + 1, start, np.float64)
    walked = np.cumsum(steps[order])
    total[1 : len(walked) + 1] += walked
    total[len(walked) + 1 :] = total[len(walked)]
    return total


def _last(accuracy: Floats, limit: NDArray[np.int64]) -> float:
    return float(accuracy[np.arange(len(limit)), limit].mean())
