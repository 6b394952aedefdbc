"""What the report of a run says, in words and charts, before it is laid out as a page."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

import coderm
from coderm.errors import InputError
from coderm.progress import Progress
from coderm.records import Problem
from coderm.report import svg
from coderm.report.about import about, protocol_of
from coderm.report.cases import OUTCOMES, Case, Outcome
from coderm.report.findings import Standing, findings, headline, ladder, rules_section
from coderm.report.parts import Chart, Section, plural
from coderm.report.scaling import scaling_sections
from coderm.reward import quality, rank, tasks_of
from coderm.reward.measures import separation
from coderm.runs import Run


@dataclass(frozen=True)
class Row:
    """One problem in the lists of the page; `index` is its place among the cases."""

    index: int
    task_id: str
    outcome: Outcome
    why: str
    gist: str
    share: str
    rescued: Sequence[str]


@dataclass(frozen=True)
class Group:
    """Problems with something in common."""

    title: str
    intro: str
    problems: Sequence[Row]


@dataclass(frozen=True)
class Summary:
    """Everything the template lays out."""

    cases: Sequence[Case]
    name: str
    about: str
    headline: str
    footer: str
    ladder: Sequence[dict[str, str]]
    outcomes: Sequence[dict[str, Any]]
    ends_bar: Any
    findings: Sequence[str]
    sections: Sequence[Section]
    problems: Sequence[Row]
    groups: Sequence[Group]
    shapes: Any


def summarise(run: Run, progress: Progress) -> Summary:
    """Everything the page shows of a run. Raises InputError where nothing was executed yet."""
    tasks = tasks_of(run, protocol=protocol_of(run))
    problems = {problem.task_id: problem for problem in run.problems()}
    cases = [Case(problems.get(task.task_id) or Problem(task.task_id, ""), task) for task in tasks
             if task.matrix.shape[0]]
    if not cases:
        raise InputError(f"{run.path}: no solutions and unit tests were executed yet")
    labelled = [task for task in tasks if task.context.labels is not None]
    standing = Standing(rank(labelled), [task.task_id for task in labelled]) if labelled else None
    progress.advance(note="rules ranked")
    rows = [_row(k, case, standing.saviours(case) if standing else ()) for k, case in enumerate(cases)]
    sections = [*rules_section(standing), *_tests_section(cases),
                *scaling_sections(labelled, standing.rivals if standing else ())]
    progress.advance(note="curves drawn")
    return Summary(
        cases=cases, name=run.path.resolve().name, about=_about(run, cases, len(tasks) - len(cases)),
        headline=headline(standing, len(cases)), footer=_footer(run), ladder=ladder(standing),
        outcomes=_outcomes(rows) if standing else [], ends_bar=_ends_bar(rows), findings=findings(cases),
        sections=sections, problems=rows, groups=_groups(rows, cases),
        shapes=Markup(json.dumps([case.matrix.shape for case in cases])),
    )


def _row(index: int, case: Case, rescued: Sequence[str]) -> Row:
    share = "" if case.correct is None else f"{int(case.correct.sum())} of {len(case.correct)} correct"
    return Row(index, case.problem.task_id, case.outcome, case.why(), _gist(case.problem.prompt), share, rescued)


def _gist(prompt: str) -> str:
    """The first line of prose of a prompt: of its docstring where it is a stub."""
    body = max(re.split(r'"""|\'\'\'', prompt)[1::2] or [prompt], key=len)
    lines = [line.strip() for line in body.splitlines() if re.search(r"\w{2}", line)]
    return lines[0][:200] if lines else ""


def _about(run: Run, cases: Sequence[Case], unanswered: int) -> str:
    n, m = (sorted({case.matrix.shape[axis] for case in cases}) for axis in (0, 1))
    origin = about(run)
    models = {origin.policy: "solutions", origin.tester: "tests"}
    if origin.policy == origin.tester:
        models = {origin.policy: "solutions and tests"}
    known = [origin.benchmark, *(f"{what} by {model}" for model, what in models.items() if model)]
    size = f"{plural(len(cases), 'problem')}, each with {_range(n, 'solution')} and {_range(m, 'unit test')}"
    if unanswered:
        size += f"; {unanswered} more without any usable solution, which every rule loses"
    return ", ".join([*filter(None, known), size])


def _range(values: Sequence[int], noun: str) -> str:
    most = plural(values[-1], noun)
    return most if len(values) == 1 else f"{values[0]} to {most}"


def _footer(run: Run) -> str:
    jail = " Executed WITHOUT the jail." if run.config.get("execute", {}).get("unsafe") else ""
    return (f"Written by CodeRM {coderm.__version__} from {run.path.resolve().name}.{jail} Intervals are 95% bootstrap "
            f"intervals over problems. Ties count as the mean over the tied candidates. Protocol: {protocol_of(run)}.")


def _outcomes(rows: Sequence[Row]) -> list[dict[str, Any]]:
    counted = [{"name": name, "count": sum(row.outcome == name for row in rows), "words": words}
               for name, words in OUTCOMES.items()]
    return [outcome for outcome in counted if outcome["count"]]


def _ends_bar(rows: Sequence[Row]) -> Markup:
    """One bar, cut by how the votes of the problems ended."""
    parts, x = [], 0
    for outcome in _outcomes(rows):
        parts.append(svg.element("rect", svg.element("title", svg.label(f"{outcome['count']}: {outcome['words']}")),
                                 x=x, y=0, width=outcome["count"], height=1, class_=f"k-{outcome['name']}"))
        x += outcome["count"]
    return Markup(svg.element("svg", "".join(parts), viewBox=f"0 0 {x} 1", preserveAspectRatio="none", role="img",
                              aria_label="how the vote ended, by number of problems"))


def _tests_section(cases: Sequence[Case]) -> list[Section]:
    """How many candidates the unit tests pass, and how far their judgement can be trusted."""
    rates = np.concatenate([case.matrix.passed.mean(axis=0)[case.matrix.voting] for case in cases])
    if not len(rates):
        return []
    mute = sum(case.matrix.shape[1] for case in cases) - len(rates)
    bins = np.where(rates > 0.95, 19, np.minimum(np.floor(rates * 20), 18)).astype(int)
    words = [f"{100 * np.mean(rates < 0.05):.0f}% of the {len(rates):,} unit tests pass fewer than 5% of the "
             f"candidates and {100 * np.mean(rates > 0.95):.0f}% pass more than 95% (grey): neither kind tells "
             "candidates apart."]
    if mute:
        words.append(f"{mute:,} more are broken or prove nothing and vote for nobody.")
    if (inputs := separation([case.task for case in cases])) is not None:
        words.append(f"Of {inputs.calls:.0f} calls a problem, {inputs.separating:.0f} separate candidates by what they "
                     f"return: into {inputs.behaviours:.0f} groups, where passes and failures make "
                     f"{inputs.pass_vectors:.0f}. Even a test that expects the wrong value tells this much.")
    chart = svg.histogram(np.bincount(bins, minlength=20).tolist(), x_label="candidates that pass (%)",
                          title="Unit tests by the share of candidates that pass them")
    found = quality([case.task for case in cases])
    table = [["judged correct by", "accuracy", "F1", "false discoveries (the paper's FAR)",
              "false omissions (the paper's FRR)", "wrong ones accepted (FAR)", "right ones rejected (FRR)"]]
    for name, judged in (("one test", found.individual), ("the vote", found.multiple)):
        table.append([name, *(f"{value:.1f}%" for value in list(judged.as_json().values())[4:])])
    known = any(case.correct is not None for case in cases)
    return [Section("What the tests know", words, [Chart("", Markup(chart))], table if known else (),
                    "How far their judgement can be trusted")]


def _groups(rows: Sequence[Row], cases: Sequence[Case]) -> list[Group]:
    failing = sorted((row for row in rows if row.outcome in ("lost", "shared")),
                     key=lambda row: -cases[row.index].regret)
    groups = [
        Group("Where votes go wrong", "Problems that had a correct candidate and could lose it, worst first: many "
              "correct candidates and none of them chosen. Open one to see the matrix, the code that won and the "
              "tests that decided.", failing),
        Group("Where the vote is right", "Every candidate with the most votes is correct.",
              [row for row in rows if row.outcome == "won"]),
        Group("Beyond any rule", "No candidate is correct.", [row for row in rows if row.outcome == "hopeless"]),
        Group("Not labelled", "The truth is not known; coderm label finds it where there is a ground truth.",
              [row for row in rows if row.outcome == "unlabelled"]),
    ]
    return [group for group in groups if group.problems]
