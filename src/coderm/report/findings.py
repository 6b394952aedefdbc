"""How the rules compare on a run, and why its votes fail where they fail, in numbers and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from coderm.report import svg
from coderm.report.cases import Case
from coderm.report.parts import Chart, Section, plural
from coderm.reward import SELECTORS, Estimate, Ranking

BOUNDS = ("random", "oracle")
"""Not rules one could use: they bound what a rule can do."""


@dataclass(frozen=True)
class Standing:
    """How the rules stand on the labelled problems of a run."""

    ranking: Ranking
    task_ids: Sequence[str]
    """[problems] in the order of the ranking's accuracies."""

    @cached_property
    def estimates(self) -> dict[str, Estimate]:
        """Rule -> mean accuracy in percent with its 95% interval, best first."""
        found = {name: self.ranking.estimate(name) for name in self.ranking.accuracies}
        return dict(sorted(found.items(), key=lambda item: -item[1].value))

    @cached_property
    def best(self) -> str:
        """The rule with the highest accuracy; majority where it is among the best."""
        usable = [name for name in self.estimates if name not in BOUNDS]
        return max(usable, key=lambda name: (round(self.estimates[name].value, 9), name == "majority"))

    @property
    def rivals(self) -> list[str]:
        """The rules beside majority voting, best first."""
        return [name for name in self.estimates if name not in (*BOUNDS, "majority")]

    def saviours(self, case: Case, most: int = 3) -> list[str]:
        """The best rules that are surely right on a problem where the majority vote is not."""
        if case.outcome not in ("lost", "shared"):
            return []
        k = self.task_ids.index(case.problem.task_id)
        return [name for name in self.rivals if self.ranking.accuracies[name][k] == 1][:most]


def headline(standing: Standing | None, problems: int) -> str:
    """The run in one sentence or two."""
    if standing is None:
        return (f"{plural(problems, 'problem')} executed; which candidates are correct is not known. Where there is a "
                "ground truth, coderm label finds it.")
    vote, best = standing.estimates["majority"].value, standing.best
    said = f"Majority voting solves {vote:.1f}% of the problems"
    if best == "majority":
        return f"{said}, and no other rule does better."
    gain = standing.ranking.gain(best, "majority")
    if gain.low <= 0:
        return f"{said}. No rule does reliably better."
    return (f"{said}. {best} solves {standing.estimates[best].value:.1f}%, reliably more: by {100 * gain.low:.1f} to "
            f"{100 * gain.high:.1f} points.")


def ladder(standing: Standing | None) -> list[dict[str, str]]:
    """The figures to remember, from chance to the best that any choice could do."""
    if standing is None:
        return []
    steps = [("random", "one random sample", ""), ("majority", "majority vote", "vote")]
    if standing.best != "majority":
        steps.append((standing.best, f"best rule: {standing.best}", "best"))
    steps.append(("oracle", "at least one correct", ""))
    return [{"label": words, "css": css, "value": f"{standing.estimates[name].value:.1f}%",
             "note": f"{standing.estimates[name].low:.1f} to {standing.estimates[name].high:.1f}"}
            for name, words, css in steps]


def rules_section(standing: Standing | None) -> list[Section]:
    """All rules on one axis."""
    if standing is None:
        return []
    estimates, skipped = standing.estimates, standing.ranking.skipped
    css = {"majority": "vote"} | {standing.best: "best"}
    dots = [svg.Dot(name, *estimate, css.get(name, "")) for name, estimate in estimates.items() if name not in BOUNDS]
    marks = {name: estimates[name].value for name in BOUNDS}
    table = [["rule", "accuracy", "95% interval", "against majority", "95% interval", "p", "what it does"]]
    for name, estimate in estimates.items():
        gain = standing.ranking.gain(name, "majority")
        table.append([name, f"{estimate.value:.1f}", f"{estimate.low:.1f} to {estimate.high:.1f}",
                      f"{100 * gain.difference:+.1f}", f"{100 * gain.low:+.1f} to {100 * gain.high:+.1f}",
                      f"{gain.p_value:.3f}", first_line(SELECTORS[name].__doc__)])
    words = ["Accuracy of the candidate that each rule chooses, in percent of problems; ties count as the mean over "
             "the tied. Between chance (random) and what is there to be found (oracle), everything is choice."]
    if standing.best != "majority":
        words.append(f"{standing.best}: {first_line(SELECTORS[standing.best].__doc__)} It was picked as the best of "
                     f"{len(dots)} on these very problems, which flatters it a little.")
    if skipped:
        words.append("Not shown, for want of their inputs: " + ", ".join(skipped) + ".")
    top = max(estimates["oracle"].high, *(dot.high for dot in dots))
    chart = svg.dot_plot(dots, marks, title="Accuracy of each rule with its 95% interval", high=min(100, top + 3))
    return [Section("Which rule wins", words, [Chart("", Markup(chart))], table,
                    "The numbers, and what each rule does", words=True)]


def first_line(doc: str | None) -> str:
    """The first sentence of a docstring."""
    return " ".join((doc or "").strip().split("\n\n")[0].split())


def findings(cases: Sequence[Case]) -> list[str]:
    """Why the vote fails where it fails."""
    cases = [case for case in cases if case.correct is not None]
    said = []
    silent = [case for case in cases if case.votes.max() == 0]
    if silent:
        found = sum(case.outcome in ("lost", "shared") for case in silent)
        said.append(f"Silence: in {len(silent)} of {plural(len(cases), 'problem')} no test passes any candidate, so "
                    f"chance decides; {found} of them had a correct candidate.")
    lost = [case for case in cases if case.outcome == "lost"]
    if lost:
        ahead = np.median([case.votes.max() - case.votes[case.correct].max() for case in lost])
        blind = 100 * np.mean([share_blind(case) for case in lost])
        said.append(f"Defeat: in {plural(len(lost), 'problem')} a wrong candidate beats every correct one, by "
                    f"{plural(ahead, 'vote')} in the median. There, {blind:.0f}% of the tests that pass anybody pass "
                    "no correct candidate at all.")
        backed = np.median([[company(case, case.champion), company(case, case.rival or 0)] for case in lost], axis=0)
        said.append(f"Company: where the vote is lost, {plural(backed[0], 'candidate')} in the median, itself "
                    f"included, pass what the winner passes, and {backed[1]:.0f} what the best correct one passes. A "
                    "vote does not look at that; rules that weigh agreement among candidates do.")
    shared = [case for case in cases if case.outcome == "shared" and case.votes.max() > 0]
    if shared:
        fair = 100 * np.mean([case.accuracy for case in shared])
        said.append(f"Ties: in {plural(len(shared), 'more problem')}, right and wrong candidates share the top; the "
                    f"chance to draw a right one is {fair:.0f}%.")
    return said


def company(case: Case, candidate: int) -> int:
    """Candidates that pass exactly the tests that this one passes, itself included."""
    passed = case.matrix.passed
    return int((passed == passed[candidate]).all(axis=1).sum())


def share_blind(case: Case) -> float:
    """Share of a problem's tests passed by somebody that no correct candidate passes."""
    passed: NDArray[np.bool_] = case.matrix.passed
    some: NDArray[np.bool_] = np.any(passed, axis=0)
    return float(np.mean(~np.any(passed[case.correct], axis=0)[some])) if some.any() else 0.0
