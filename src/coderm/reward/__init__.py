"""The reward: rules that turn a reward matrix into scores, and what those scores are worth.

    score(matrix, "majority") -> float [N]; select(matrix, "codet") -> the tied best indices; SELECTORS lists the rules.
    accuracies(tasks, rule) -> best-of-N accuracy a problem; mean_interval and compare turn them into findings.
    scaling_curve(tasks, rule, n_values, m_values) -> accuracy against candidates and tests; quality(tasks) -> Table 2.
"""

from coderm.reward.compare import Comparison, compare
from coderm.reward.context import Context, MissingInput, Rule, Task
from coderm.reward.evaluate import Estimate, accuracies, accuracy, mean_interval, tied_best
from coderm.reward.selectors import SELECTORS, resolve, score, select

__all__ = ["SELECTORS", "Comparison", "Context", "Estimate", "MissingInput", "Rule", "Task", "accuracies", "accuracy",
           "compare", "mean_interval", "resolve", "score", "select", "tied_best"]
