"""Accuracy against the budget of unit tests, a line a way to spend it (Ma et al. 2025, Fig. 6)."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence

import numpy as np

from coderm.errors import InputError
from coderm.report.about import About
from coderm.report.series import Line, Plot, panel_of, percent
from coderm.scale.curves import Scaling, scaling
from coderm.scale.recorded import RULES, Recorded, Rule

WAYS = {"greedy-gold": "Eq. 2, gold pass rates", "greedy-predicted": "Eq. 2, predicted pass rates",
        "equal": "equal shares", "random": "a random problem each time (not in the paper)",
        "static": "expected gain in selection (not in the paper)", "sequential": "as votes come in (not in the paper)",
        "fitted": "as votes come in, by labelled problems (not in the paper)"}
"""Ways to spend a budget that are plotted -> their names in the figure."""
PREDICTED = ("greedy-predicted", "static")
"""Those that need predicted pass rates."""


def fig6(runs: Sequence[tuple[About, Sequence[Recorded]]], rule_name: str,
         predicted: Mapping[str, float] | None) -> Plot:
    """Budgets of 1, 2, 4, ... replies per problem on average; intervals are over problems.

    `predicted` is a probe's pass rate of each task_id; without it, ways that need one are left out. Raises InputError
    for a rule that budgets cannot be replayed with, for a problem without a prediction, and what `scaling` raises.
    """
    rule = next((rule for rule in RULES if rule == rule_name), None)
    if rule is None:
        raise InputError(f"budgets can be replayed with {' or '.join(RULES)}, not with {rule_name!r}")
    lines = []
    for about, problems in runs:
        missing = [p.task_id for p in problems if predicted is not None and p.task_id not in predicted]
        if missing:
            raise InputError(f"{about.name}: no predicted pass rate for {missing[0]} and {len(missing) - 1} others")
        rates = np.array([p.pass_rate if predicted is None else predicted[p.task_id] for p in problems])
        try:
            found = scaling(problems, rates, rule, quiet=False)
        except InputError as error:
            raise InputError(f"{about.name}: {error}") from error
        lines += lines_of(panel_of(about), found, WAYS.keys() - (() if predicted else PREDICTED))
    return plot_of(rule, lines)


def lines_of(panel: str, found: Scaling, ways: Container[str] = WAYS) -> list[Line]:
    """The lines of one panel."""
    return [percent(panel, WAYS[way], found.budgets.tolist(), *found.curve(way))
            for way in WAYS if way in ways and way in found.accuracy]


def plot_of(rule: Rule, lines: Sequence[Line], name: str = "fig6") -> Plot:
    """The figure that such lines make."""
    return Plot(name, f"Accuracy against the budget of unit tests ({rule})", "unit tests per problem, on average",
                "solved (%)", lines)
