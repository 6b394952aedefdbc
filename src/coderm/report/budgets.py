"""Accuracy against the budget of unit tests, a line a way to spend it (Ma et al. 2025, Fig. 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from coderm.errors import InputError
from coderm.report.about import About
from coderm.report.series import Plot, panel_of, percent
from coderm.scale.curves import scaling
from coderm.scale.recorded import RULES, Recorded

WAYS = {"greedy-gold": "Eq. 2, gold pass rates", "greedy-predicted": "Eq. 2, predicted pass rates",
        "equal": "equal shares", "static": "expected gain in selection (not in the paper)",
        "sequential": "as votes come in (not in the paper)"}
"""Ways to spend a budget that are plotted -> their names in the figure."""
PREDICTED = ("greedy-predicted", "static")
"""Those that need predicted pass rates."""


def fig6(runs: Sequence[tuple[About, Sequence[Recorded]]], rule_name: str,
         predicted: Mapping[str, float] | None) -> Plot:
    """Budgets of 1, 2, 4, ... replies per problem on average; intervals are over problems.

    `predicted` is a probe's pass rate of each task_id; without it, ways that need one are left out. Raises InputError
    for a rule that budgets cannot be replayed with, and for a problem without a prediction.
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
        found = scaling(problems, rates, rule, quiet=False)
        lines += [percent(panel_of(about), label, found.budgets.tolist(), *found.curve(way))
                  for way, label in WAYS.items() if predicted is not None or way not in PREDICTED]
    return Plot("fig6", f"Accuracy against the budget of unit tests ({rule})", "unit tests per problem, on average",
                "solved (%)", lines)
