"""What every rule is worth on a set of labelled problems: the content of `coderm rank`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from shlex import quote
from typing import Any

from coderm.errors import InputError
from coderm.reward.behaviour_rules import BehaviourRule
from coderm.reward.context import Floats, MissingInput, Task
from coderm.reward.evaluate import Estimate, accuracies, mean_interval
from coderm.reward.measures import Separation, separation
from coderm.reward.paired import Comparison, compare
from coderm.reward.selectors import BASELINES, SELECTORS, resolve


@dataclass(frozen=True)
class Ranking:
    """Best-of-N accuracy of each rule over the same labelled problems."""

    problems: int
    solutions: int
    unit_tests: int
    accuracies: dict[str, Floats]
    """Rule -> accuracy on each problem, in 0..1."""
    skipped: dict[str, str]
    """Rule -> why it could not be asked."""
    separation: Separation | None = None
    """How far the inputs tell candidates apart, where behaviour was recorded."""
    unsafe: bool = False
    """Whether anything was executed without the jail."""

    def estimate(self, name: str) -> Estimate:
        """Mean accuracy of a rule in percent with its 95 % interval over problems."""
        return Estimate(*(100 * x for x in mean_interval(self.accuracies[name])))

    def gain(self, name: str, over: str) -> Comparison:
        """Paired difference between two rules, in 0..1."""
        return compare(self.accuracies[name], self.accuracies[over])

    def as_json(self) -> dict[str, Any]:
        """The shape that `coderm rank --json` prints; accuracies in percent."""
        return {"problems": self.problems, "solutions": self.solutions, "unit_tests": self.unit_tests,
                "selectors": {name: dict(zip(("accuracy", "low", "high"), self.estimate(name), strict=True))
                              for name in self.accuracies},
                "unsafe": self.unsafe, **({"separation": asdict(self.separation)} if self.separation else {}),
                **({"skipped": self.skipped} if self.skipped else {})}


def rank(tasks: Sequence[Task], select: str | Sequence[str] = "all", run: str = "RUN") -> Ranking:
    """Apply the rules named, or `all` that have what they need, to the labelled ones among the tasks.

    Raises InputError, with `run` for the run's name, where no task is labelled, and MissingInput where a rule asked
    for by name lacks something.
    """
    labelled = [task for task in tasks if task.context.labels is not None]
    if not labelled:
        raise InputError(f"{run}: no labels; run `coderm label {quote(run)}` first, where the problems have a ground "
                         "truth")
    everybody = [replace(task, context=replace(task.context, survivors=None)) for task in labelled]
    scored: dict[str, Floats] = {}
    skipped: dict[str, str] = {}
    # Where no call at all was recorded everybody ties; a problem of that kind among others is one more tie.
    mute = all(t.matrix.behaviour is not None and not t.matrix.behaviour.shape[1] for t in labelled)
    named = [select] if isinstance(select, str) else select
    for name in SELECTORS if "all" in named else named:
        try:
            rule = resolve(name)
            if isinstance(rule, BehaviourRule) and rule.needs_behaviour and mute:
                raise MissingInput("this rule needs recorded calls, and the unit tests call no function of the "
                                   "candidates' (methods of classes are not recorded)")
            scored[name] = accuracies(everybody if name in BASELINES else labelled, rule)
        except MissingInput as missing:
            if name in named:
                raise
            skipped[name] = str(missing)
    return Ranking(problems=len(labelled), solutions=sum(t.matrix.shape[0] for t in labelled),
                   unit_tests=sum(t.matrix.shape[1] for t in labelled), accuracies=scored, skipped=skipped,
                   separation=separation(labelled),
                   unsafe=any(task.matrix.info.get("unsafe", False) for task in labelled))
