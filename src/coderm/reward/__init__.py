"""The reward: rules that turn a reward matrix into scores, and what those scores are worth.

    score(matrix, "majority") -> float [N]; select(matrix, "codet") -> the tied best indices; SELECTORS lists the rules.
    accuracies(tasks, rule) -> best-of-N accuracy a problem; mean_interval and compare turn them into findings.
    scaling_curve(tasks, rule, n_values, m_values) -> accuracy against candidates and tests;
    difficulty_quintiles(tasks); quality(tasks) -> Table 2; rank(tasks) -> every rule; tasks_of(run) reads a run.
"""

from coderm.reward.context import Context, MissingInput, Rule, Task
from coderm.reward.curves import Curve, difficulty_quintiles, scaling_curve
from coderm.reward.evaluate import Estimate, accuracies, accuracy, mean_interval, tied_best
from coderm.reward.measures import Confusion, OneTest, Quality, Separation, each_test, quality, separation
from coderm.reward.paired import Comparison, compare
from coderm.reward.ranking import Ranking, rank
from coderm.reward.selectors import SELECTORS, resolve, score, select
from coderm.reward.tasks import read_scores, tasks_of

__all__ = ["SELECTORS", "Comparison", "Confusion", "Context", "Curve", "Estimate", "MissingInput", "OneTest",
           "Quality", "Ranking", "Rule", "Separation", "Task", "accuracies", "accuracy", "compare",
           "difficulty_quintiles", "each_test", "mean_interval", "quality", "rank", "read_scores",
           "resolve", "scaling_curve", "score", "select", "separation", "tasks_of", "tied_best"]
