"""The rules by name, and the two calls that apply them: `score` and `select`."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from coderm.errors import CoderMError, InputError
from coderm.matrix import RewardMatrix
from coderm.reward import behaviour_rules, verdict_rules
from coderm.reward.accord import accord, accord_verdicts
from coderm.reward.behaviour_rules import BehaviourRule
from coderm.reward.context import Context, Floats, MissingInput, Rule, electorate
from coderm.reward.evaluate import applied, choosable, tied_best
from coderm.reward.graph_rules import mpsc_no_spec
from coderm.reward.verdict_rules import VerdictRule

Normalise = Literal["none", "fraction", "standard"]


def oracle(matrix: RewardMatrix, context: Context) -> Floats:
    """The label itself: accuracy is the share of problems with at least one correct candidate."""
    if context.labels is None:
        raise MissingInput("the rule `oracle` needs labels: run `coderm label RUN`")
    return np.asarray(context.labels, dtype=np.float64)


def grading(matrix: RewardMatrix, context: Context) -> Floats:
    """Scores from outside, such as a grading reward model's (Ma et al. 2025, Table 1, "grading RM")."""
    if context.outside is None:
        raise MissingInput("the rule `grading` needs scores from outside: give `--scores FILE`")
    return np.asarray(context.outside, dtype=np.float64)


BASELINES = frozenset({"random", "oracle", "grading"})
"""Rules that look at no unit test, so that what was ruled out by tests is theirs to choose as well."""
SELECTORS: dict[str, Rule] = {
    "random": VerdictRule(verdict_rules.random),
    "oracle": oracle,
    "majority": VerdictRule(verdict_rules.majority, paper_batch=verdict_rules.majority_groups),
    "majority-groups": VerdictRule(verdict_rules.majority_groups),
    "codet": VerdictRule(verdict_rules.codet),
    "mbr-exec": VerdictRule(verdict_rules.mbr_exec_hard),
    "mbr-exec-soft": VerdictRule(verdict_rules.mbr_exec_soft),
    "variance": VerdictRule(verdict_rules.variance),
    "b4": VerdictRule(verdict_rules.b4),
    "mpsc-no-spec": mpsc_no_spec,
    "mbr-exec-outputs": BehaviourRule(behaviour_rules.mbr_exec_outputs),
    "fmv": BehaviourRule(behaviour_rules.functional_majority),
    "srank": BehaviourRule(behaviour_rules.srank),
    "codet-behaviour": BehaviourRule(behaviour_rules.codet_behaviour),
    "b4-behaviour": BehaviourRule(behaviour_rules.b4_behaviour),
    "accord": BehaviourRule(accord),
    "accord-verdicts": accord_verdicts,
    "grading": grading,
}
"""Name -> rule(matrix, context) -> scores [N]. A rule of one's own may be added under a new name."""


def resolve(rule: str | Rule) -> Rule:
    """The rule of that name, or `module:function` for one of the user's own, who may keep it in the current folder.

    Raises InputError where there is none.
    """
    if not isinstance(rule, str):
        return rule
    if rule in SELECTORS:
        return SELECTORS[rule]
    module, _, name = rule.partition(":")
    if not module or not name:
        raise InputError(f"no rule named {rule!r}; there are {', '.join(SELECTORS)}, and module:function for your own")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.append(here)  # last, so that a file of the user's hides nothing that we import later
    try:
        found = getattr(importlib.import_module(module), name)
    except Exception as error:  # importing runs the user's code
        raise InputError(f"rule {rule!r}: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise InputError(f"rule {rule!r}: is no function; give one that takes a reward matrix and a context")
    return _own(rule, found)


def _own(name: str, function: Callable[..., Any]) -> Rule:
    """A rule of the user's own under its full name: what goes wrong inside is told as their mistake, in one line."""

    @functools.wraps(function)
    def rule(matrix: RewardMatrix, context: Context) -> Floats:
        try:
            return np.asarray(function(matrix, context), dtype=np.float64)
        except CoderMError:
            raise
        except Exception as error:
            raise InputError(f"rule {name!r}: {type(error).__name__}: {error}") from error

    rule.__name__ = name
    return rule


def score(matrix: RewardMatrix, rule: str | Rule = "majority", context: Context | None = None, *,
          normalise: Normalise = "none") -> Floats:
    """The reward of each candidate, [N].

    `normalise="fraction"` divides by the number of tests that vote (for majority: the fraction of valid votes);
    `"standard"` subtracts the problem's mean and divides by its standard deviation (all equal: zeros), as
    group-relative policy gradients take it. Raises InputError for another word, or another thing than a matrix.
    """
    if normalise not in get_args(Normalise):
        raise InputError(f"normalise must be {', '.join(get_args(Normalise))}, not {normalise!r}")
    context = context or Context()
    scores = applied(resolve(rule), matrix, context)
    if normalise == "fraction":
        return scores / max(1, len(electorate(matrix, context)))
    if normalise == "standard":
        spread = scores.std()
        return np.asarray((scores - scores.mean()) / spread) if spread > 0 else np.zeros_like(scores)
    return scores


def select(matrix: RewardMatrix, rule: str | Rule = "majority", context: Context | None = None) -> NDArray[np.intp]:
    """Indices of the candidates that tie for the best score, in ascending order."""
    return np.flatnonzero(tied_best(choosable(score(matrix, rule, context), context or Context())))
